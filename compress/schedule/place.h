// Where something stands in a file, and how it is refused: "FILE:LINE: one sentence".
#pragma once

#include <string>

#include "tensor/error.h"

namespace pith::compress {

struct Place {
  std::string file;  ///< "" for what was made by a program
  int line = 0;

  /// Throws FormatError; ArgumentError where there is no file.
  [[noreturn]] void refuse(const std::string& what) const {
    if (file.empty()) throw ArgumentError("schedule: " + what);
    throw FormatError(file + ":" + std::to_string(line) + ": " + what);
  }
};

}  // namespace pith::compress
