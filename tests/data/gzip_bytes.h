// gzip written by hand (RFC 1952 around stored blocks of RFC 1951): truth about the format that shares no code with
// the library under test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pith::test {

/// CRC-32 bit by bit.
inline uint32_t slow_crc32(std::span<const uint8_t> bytes) {
  uint32_t crc = ~0u;
  for (const uint8_t b : bytes) {
    crc ^= b;
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

/// One gzip member that holds `bytes` uncompressed.
inline std::vector<uint8_t> stored_gzip(std::span<const uint8_t> bytes) {
  std::vector<uint8_t> out = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
  const auto put = [&out](uint32_t v, int count) {
    for (int i = 0; i < count; ++i) out.push_back(static_cast<uint8_t>(v >> (8 * i)));
  };
  size_t at = 0;
  do {
    const size_t n = bytes.size() - at < 65535 ? bytes.size() - at : 65535;
    put(at + n == bytes.size(), 1);
    put(static_cast<uint32_t>(n), 2);
    put(static_cast<uint32_t>(~n), 2);
    out.insert(out.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
               bytes.begin() + static_cast<std::ptrdiff_t>(at + n));
    at += n;
  } while (at < bytes.size());
  put(slow_crc32(bytes), 4);
  put(static_cast<uint32_t>(bytes.size()), 4);
  return out;
}

}  // namespace pith::test
