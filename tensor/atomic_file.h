// Whole files, written so that a crash, a kill or a full disk at any moment leaves the old file or the new one.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace pith {

/// Writes `bytes` to a temporary beside `path`, syncs it, renames it over `path`, syncs the folder. On any failure the
/// temporary is removed, `path` is as it was, and IoError says path and the system's reason.
void write_file_atomically(const std::string& path, std::span<const std::byte> bytes);

/// The whole file; refuses more than `limit` bytes. Throws IoError.
std::vector<std::byte> read_file(const std::string& path, size_t limit);

}  // namespace pith
