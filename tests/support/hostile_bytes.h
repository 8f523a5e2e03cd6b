// Files as an enemy or a bad disk makes them: cut at every byte, every byte changed, many bytes changed at random.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensor/error.h"

namespace pith::test {

using Bytes = std::vector<std::byte>;

inline Bytes bytes_of(const std::string& text) {
  const auto raw = std::as_bytes(std::span<const char>(text));
  return {raw.begin(), raw.end()};
}

/// What a reader made of some bytes: refused with a sentence, or read.
template <class Reader>
std::string refusal_of(const Reader& read, const Bytes& bytes) {
  try {
    read(std::span<const std::byte>(bytes));
  } catch (const FormatError& error) {
    return error.what();
  }
  return "";
}

/// Calls visit(changed bytes, what was done) for every cut, and every single byte set to 0x00, 0xff and ^0x80.
template <class Visit>
void for_each_small_damage(const Bytes& good, const Visit& visit) {
  for (size_t length = 0; length < good.size(); ++length)
    visit(Bytes(good.begin(), good.begin() + static_cast<ptrdiff_t>(length)), "cut at " + std::to_string(length));
  Bytes bad = good;
  for (size_t i = 0; i < good.size(); ++i) {
    for (const std::byte value : {std::byte{0}, std::byte{255}, good[i] ^ std::byte{0x80}}) {
      if (value == good[i]) continue;
      bad[i] = value;
      visit(bad, "byte " + std::to_string(i) + " set to " + std::to_string(std::to_integer<int>(value)));
    }
    bad[i] = good[i];
  }
}

/// Calls visit(changed bytes, what was done) `count` times with 1 to 8 bytes overwritten, and now and then a piece cut
/// out or doubled. The same seed gives the same files.
template <class Visit>
void for_each_random_damage(const Bytes& good, int count, uint64_t seed, const Visit& visit) {
  uint64_t state = seed;
  const auto next = [&state](uint64_t bound) {  // SplitMix64 (Steele et al., 2014)
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % bound;
  };
  for (int i = 0; i < count; ++i) {
    Bytes bad = good;
    for (uint64_t left = 1 + next(8); left > 0; --left) bad[next(bad.size())] = static_cast<std::byte>(next(256));
    const ptrdiff_t begin = static_cast<ptrdiff_t>(next(bad.size()));
    const ptrdiff_t end = begin + static_cast<ptrdiff_t>(next(bad.size() - static_cast<size_t>(begin)));
    if (const uint64_t kind = next(4); kind == 0) {
      bad.erase(bad.begin() + begin, bad.begin() + end);
    } else if (kind == 1) {
      const Bytes piece(bad.begin() + begin, bad.begin() + end);
      bad.insert(bad.begin() + end, piece.begin(), piece.end());
    }
    visit(bad, "seed " + std::to_string(seed) + ", file " + std::to_string(i));
  }
}

}  // namespace pith::test
