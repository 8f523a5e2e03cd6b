// Files that only grow: metrics.csv and the event file. A run that goes on cuts them back to the length that its
// checkpoint recorded, so that what a killed run wrote after it is written again and not twice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pith::apps {

/// A descriptor at the end of the first `length` bytes of `path`; what follows them is cut off, and the file is made
/// if length is 0. Throws IoError, or FormatError where the file is shorter than `length`.
int open_for_append(const std::string& path, int64_t length);

/// Writes all of `bytes` and syncs. Throws IoError with the path and the system's reason.
void append_and_sync(int file, const std::string& path, std::string_view bytes);

}  // namespace pith::apps
