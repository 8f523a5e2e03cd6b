// Regular files in a tar archive (POSIX ustar), by name. Nothing is ever written where an archive says: the caller asks
// for a name it knows and decides where the bytes go.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace pith::data {

/// The content of the regular file `name` in an archive held in memory: a view into it. `path` is for messages. Throws
/// FormatError where the archive is cut short, a header's check sum is wrong, or no such file is in it.
std::span<const uint8_t> tar_member(std::span<const uint8_t> archive, const std::string& name, const std::string& path);

}  // namespace pith::data
