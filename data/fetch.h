// `pith data get`: the public data sets, from their publishers to the folder where open_data looks.
//
// Invariant: a file appears under its name only whole and with its publisher's check sum; a file that is already there
// is never replaced.
#pragma once

#include <functional>
#include <string>

namespace pith::data {

struct FetchOptions {
  /// Where to look instead of the publishers' servers: the URL of a folder that holds the files under their names.
  std::string mirror;
  /// Is told each step in a line, for a user to read.
  std::function<void(const std::string&)> say;
};

/// Brings "mnist", "fashion-mnist" or "cifar10" to `root` (data_root's rule when empty). What is already there is
/// checked and kept. Throws ArgumentError for another name; IoError where no server can be reached, saying which files
/// to put where by hand; FormatError where what comes, or what is there, has another check sum.
void get(const std::string& name, const std::string& root = "", const FetchOptions& options = {});

}  // namespace pith::data
