// Is a certificate true of this packed network? Recomputes every claim from the file's own bytes.
#pragma once

#include <cstdint>
#include <string>

namespace pith::apps::verifier {

struct Verdict {
  std::string model;
  int64_t layers = 0, channels = 0;
};

/// Throws FormatError naming the certificate, the first claim that is not true, and what is; IoError.
Verdict verify(const std::string& certificate, const std::string& network);

}  // namespace pith::apps::verifier
