// Files that may be compressed with gzip: the only door to zlib. What a file is, its content says, not its name.
//
// Invariant: no more than `limit` bytes ever come out, whatever the file claims (a 1 MB file can inflate to 1 GB), and
// only a whole, intact file is accepted. Every function may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pith::data {

/// Do the bytes begin as a gzip file does?
bool is_gzip(std::span<const std::byte> bytes);

/// Inflates a gzip file (RFC 1952; several members follow one another). `path` is for messages. Throws FormatError
/// where it is cut short, damaged (check sum), followed by other bytes, or inflates to more than `limit` bytes.
std::vector<uint8_t> inflate_gzip(std::span<const std::byte> bytes, size_t limit, const std::string& path);

/// The content of a file of at most `limit` bytes, inflated first where it is gzip. Throws IoError, FormatError.
std::vector<uint8_t> read_inflated(const std::string& path, size_t limit);

}  // namespace pith::data
