// The integer vector with one lane: the meaning of every operation. A lane is one s32, or four bytes of a line.
#pragma once

#include "tensor/kernels/vec_scalar.h"

namespace pith {
namespace kernels_scalar {

/// One register of 32-bit integers. The other vec_int_*.h give the same names for 8 and 16 lanes.
struct Int {
  static constexpr int kWidth = 1;
  int32_t v;
  static Int load(const void* p) {  // kWidth lanes, any alignment
    int32_t x;
    __builtin_memcpy(&x, p, 4);
    return {x};
  }
  static Int set(int32_t x) { return {x}; }           // x in every lane
  static Int four(const void* p) { return load(p); }  // the 4 bytes at p in every lane
  void store(void* p) const { __builtin_memcpy(p, &v, 4); }
};

inline Int operator+(Int a, Int b) { return {a.v + b.v}; }
inline Int operator-(Int a, Int b) { return {a.v - b.v}; }

/// Unsigned bytes of x, and signed bytes of weights, as this set multiplies them; kWords 32-bit words a weight.
struct Bytes {
  uint32_t v;
  static Bytes of(Int x) { return {static_cast<uint32_t>(x.v)}; }
};
struct Weight {
  static constexpr int kWords = 1;
  uint32_t v;
  static Weight load(const int32_t* p) { return {static_cast<uint32_t>(*p)}; }           // in every lane
  static Weight of_block(const int32_t* p) { return load(p); }                           // as it lies at rest
  static void widen(const int8_t* from, int32_t* to) { __builtin_memcpy(to, from, 4); }  // one weight of 4 bytes
};
inline Weight pinned(Weight w) { return w; }
/// sum + the four products of unsigned bytes of x and signed bytes of w; exact, wraps only where the result does.
inline Int dot(Int sum, Bytes x, Weight w) {
  for (int i = 0; i < 32; i += 8) sum.v += static_cast<int32_t>(x.v >> i & 255) * static_cast<int8_t>(w.v >> i & 255);
  return sum;
}

/// The same with every lane's own four weights, as they lie.
inline Int dot_signed(Int sum, Int x, Int w) { return dot(sum, Bytes::of(x), {static_cast<uint32_t>(w.v)}); }
inline int32_t total(Int a) { return a.v; }  // of all lanes
/// total() of four, side by side.
inline void totals(const Int* s, int32_t* out) {
  for (int i = 0; i < 4; ++i) out[i] = s[i].v;
}

inline Int gather_words(const int32_t* x, const uint16_t* places) { return {x[*places]}; }  // x[places[l]]

inline Vec to_float(Int a) { return {static_cast<float>(a.v)}; }
/// Half to even. a <= 2^30; what lies below -2^31 gives -2^31.
inline Int to_int(Vec a) {
  return {a.v > -2147483648.0f ? static_cast<int32_t>(__builtin_rintf(a.v)) : -2147483647 - 1};
}
/// Byte J of every lane, unsigned.
template <int J>
inline Int byte_of(Int a) {
  return {static_cast<int32_t>(static_cast<uint32_t>(a.v) >> (8 * J) & 255)};
}

/// clamp(value + zero point, lowest, highest) for values of any size, as unsigned bytes.
struct ByteClamp {
  int32_t zero_point, lowest, highest;
  static ByteClamp make(int32_t zero_point, uint8_t lowest, uint8_t highest) { return {zero_point, lowest, highest}; }
};
inline uint32_t clamped_byte(Int a, ByteClamp c) {
  const int32_t v = a.v < -65536 ? c.lowest : a.v > 65536 ? c.highest : a.v + c.zero_point;
  return static_cast<uint32_t>(v < c.lowest ? c.lowest : v > c.highest ? c.highest : v);
}
/// Four results of a lane, clamped, as its four bytes.
inline Int join_bytes(Int a, Int b, Int c, Int d, ByteClamp clamp) {
  return {static_cast<int32_t>(clamped_byte(a, clamp) | clamped_byte(b, clamp) << 8 | clamped_byte(c, clamp) << 16 |
                               clamped_byte(d, clamp) << 24)};
}

}  // namespace kernels_scalar
}  // namespace pith
