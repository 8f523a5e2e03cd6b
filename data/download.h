// One file from the network: the only door to libcurl.
//
// Invariant: at most `limit` bytes come into memory, and a server that falls silent is given up after a minute.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace pith::data {

/// The bytes behind an http, https or file URL; redirects are followed to http and https only. Throws IoError with the
/// URL and the reason: no network, refused, more than `limit` bytes.
std::vector<std::byte> download(const std::string& url, size_t limit);

}  // namespace pith::data
