#include "data/md5.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace pith::data {
namespace {

constexpr size_t kBlock = 64;

/// floor(2^32 |sin(i + 1)|), as the RFC defines its constants.
std::array<uint32_t, 64> make_sines() {
  std::array<uint32_t, 64> k{};
  for (size_t i = 0; i < k.size(); ++i)
    k[i] = static_cast<uint32_t>(std::floor(0x1p32 * std::abs(std::sin(static_cast<double>(i + 1)))));
  return k;
}

struct Digest {
  std::array<uint32_t, 4> state{0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u};
  std::array<uint32_t, 64> sines = make_sines();

  void add(const uint8_t* block) {
    static constexpr int kTurns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    auto [a, b, c, d] = state;
    for (size_t i = 0; i < 64; ++i) {
      const size_t round = i / 16;
      uint32_t mixed = 0;
      size_t word = i;
      switch (round) {
        case 0:
          mixed = (b & c) | (~b & d);
          break;
        case 1:
          mixed = (d & b) | (~d & c), word = 5 * i + 1;
          break;
        case 2:
          mixed = b ^ c ^ d, word = 3 * i + 5;
          break;
        default:
          mixed = c ^ (b | ~d), word = 7 * i;
      }
      const uint8_t* const m = block + 4 * (word % 16);
      const uint32_t value = m[0] | m[1] << 8 | m[2] << 16 | static_cast<uint32_t>(m[3]) << 24;
      const uint32_t turned = std::rotl(a + mixed + sines[i] + value, kTurns[round][i % 4]);
      a = d, d = c, c = b, b += turned;
    }
    state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d};
  }
};

}  // namespace

std::string md5(std::span<const std::byte> bytes) {
  Digest digest;
  const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t left = bytes.size();
  for (; left >= kBlock; left -= kBlock, p += kBlock) digest.add(p);
  std::array<uint8_t, 2 * kBlock> tail{};  // the rest, a one bit, zeros, the length in bits
  if (left > 0) std::memcpy(tail.data(), p, left);
  tail[left] = 0x80;
  const size_t end = left < kBlock - 8 ? kBlock : 2 * kBlock;
  for (size_t i = 0; i < 8; ++i) tail[end - 8 + i] = static_cast<uint8_t>(uint64_t{bytes.size()} * 8 >> (8 * i));
  for (size_t at = 0; at < end; at += kBlock) digest.add(tail.data() + at);
  std::string text;
  for (const uint32_t word : digest.state)
    for (int shift = 0; shift < 32; shift += 8) {
      char digits[3];
      std::snprintf(digits, sizeof digits, "%02x", (word >> shift) & 255);
      text += digits;
    }
  return text;
}

}  // namespace pith::data
