// Whole files, written so that a crash, a kill or a full disk at any moment leaves the old file or the new one.
//
// The way (Pillai et al., OSDI 2014): a temporary `path`.part in the same folder, write, fsync, rename, fsync the
// folder. The temporary has one fixed name and a lock on it, so that writers of one path take turns and a killed one
// leaves at most this one file behind, which the next writer takes over.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace pith {

/// Writes `bytes` to a temporary beside `path`, syncs it, renames it over `path`, syncs the folder. On any failure the
/// temporary is removed, `path` is as it was, and IoError says path and the system's reason. (If only the very last
/// step, the folder's sync, fails, the new file stands whole and IoError says that it may not outlive a power cut.) A
/// symbolic link is followed; what exists and is no regular file (a device, a folder) is refused.
void write_file_atomically(const std::string& path, std::span<const std::byte> bytes);

/// The same for a file in several pieces, written one behind the other without joining them in memory.
void write_file_atomically(const std::string& path, std::span<const std::span<const std::byte>> pieces);

/// The whole file; refuses more than `limit` bytes before any is read. Throws IoError.
std::vector<std::byte> read_file(const std::string& path, size_t limit);

}  // namespace pith
