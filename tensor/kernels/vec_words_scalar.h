// Words of bits and 32-bit counts, one lane: the meaning of every operation. Included behind vec_scalar.h.
#pragma once

namespace pith {
namespace kernels_scalar {

/// One register of Vec::kWidth words.
struct Words {
  static constexpr int kWidth = 1;
  uint32_t v;
  static Words load(const uint32_t* p) { return {*p}; }  // any alignment
  static Words set(uint32_t x) { return {x}; }
  static Words set(int32_t x) { return {static_cast<uint32_t>(x)}; }
  static Words zero() { return {0}; }
  static Words load_bytes(const void* p) {
    uint32_t x;
    __builtin_memcpy(&x, p, 4);
    return {x};
  }
  void store_bytes(void* p) const { __builtin_memcpy(p, &v, 4); }
  /// 16 bytes beside themselves; one lane holds word `part` % 4 of them.
  static Words repeat_16_bytes(const void* p, int part) {
    return load_bytes(static_cast<const uint8_t*>(p) + part % 4 * 4);
  }
  void store(uint32_t* p) const { *p = v; }
};

inline Words operator^(Words a, Words b) { return {a.v ^ b.v}; }
inline Words operator|(Words a, Words b) { return {a.v | b.v}; }
inline Words operator&(Words a, Words b) { return {a.v & b.v}; }
inline Words operator+(Words a, Words b) { return {a.v + b.v}; }
/// Every word by kBits towards bit 0, and away from it.
template <int kBits>
inline Words down(Words a) {
  return {a.v >> kBits};
}
template <int kBits>
inline Words up(Words a) {
  return {a.v << kBits};
}
inline Words pinned(Words a) { return a; }
inline Words minus_twice(int32_t base, Words a) { return {static_cast<uint32_t>(base) - 2 * a.v}; }
inline Vec as_float(Words a) { return {static_cast<float>(static_cast<int32_t>(a.v))}; }  // of a signed number
/// bits, with `bit` turned round where the count (below 2^31) is at most `limit` (signed).
inline Words flip_where_at_most(Words bits, Words count, Words limit, Words bit) {
  return {static_cast<int32_t>(count.v) <= static_cast<int32_t>(limit.v) ? bits.v ^ bit.v : bits.v};
}
/// bits, with `bit` set where x >= 0; NaN is not.
inline Words set_where_not_negative(Words bits, Vec x, uint32_t bit) { return {x.v >= 0 ? bits.v | bit : bits.v}; }

inline Words operator*(Words a, Words b) { return {a.v * b.v}; }  // low 32 bits
inline void prefetch(const void*) {}
/// Bits kBits J .. kBits J + kBits - 1 of every byte.
template <int kBits, int J>
inline Words low_bits(Words a) {
  return {a.v >> (kBits * J) & ((1u << kBits) - 1) * 0x01010101u};
}
/// Byte i of a table of four bytes a word, for bytes i below 4.
inline Words lookup(Words table, Words index) {
  uint32_t out = 0;
  for (int i = 0; i < 32; i += 8) out |= (table.v >> (8 * (index.v >> i & 3)) & 255) << i;
  return {out};
}
/// Byte i of a table of 16 bytes (repeat_16_bytes(p, 0)), for bytes i below 16: of signed nibbles, code - 8.
inline Words lookup_any(Words, Words index) {
  uint32_t out = 0;
  for (int i = 0; i < 32; i += 8) out |= (((index.v >> i & 15) - 8) & 255) << i;
  return {out};
}
/// sum + the four products of unsigned bytes of a, at most 127, and signed bytes of b; modulo 2^32.
inline Words dot_bytes(Words sum, Words a, Words b) {
  for (int i = 0; i < 32; i += 8)
    sum.v += static_cast<uint32_t>(static_cast<int32_t>(a.v >> i & 255) * static_cast<int8_t>(b.v >> i & 255));
  return sum;
}

/// One register that counts the ones of words, side by side: at most kMost words, or any number where that is 0.
struct Count {
  static constexpr int64_t kMost = 0;
  static constexpr int kTilePixels = 2;
  uint32_t v;
  static Count zero() { return {0}; }
  Count plus(Words a) const {  // pairs, nibbles, bytes, sum of the bytes
    uint32_t n = a.v - (a.v >> 1 & 0x55555555u);
    n = (n & 0x33333333u) + (n >> 2 & 0x33333333u);
    n = (n + (n >> 4)) & 0x0F0F0F0Fu;
    return {v + (n * 0x01010101u >> 24)};
  }
  Words total() const { return {v}; }
};

}  // namespace kernels_scalar
}  // namespace pith
