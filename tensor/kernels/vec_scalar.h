// The vector trait with one lane: the meaning of every operation, for machines without AVX and as the slow reference.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace pith {
namespace kernels_scalar {

/// One float register. The other vec_*.h give the same names for 8 and 16 lanes.
struct Vec {
  static constexpr int kWidth = 1;
  static constexpr int kRegisters = 16;
  float v;
  static Vec load(const float* p) { return {*p}; }                                // kWidth floats, any alignment
  static Vec load(const float* p, int count) { return {count > 0 ? *p : 0.0f}; }  // the first count, rest 0
  static Vec set(float x) { return {x}; }                                         // x in every lane
  static Vec zero() { return {0.0f}; }
  void store(float* p) const { *p = v; }
  void store(float* p, int count) const {
    if (count > 0) *p = v;
  }
  void stream(float* p) const { *p = v; }  // past the caches where the machine can; p aligned to the width
};

inline Vec operator+(Vec a, Vec b) { return {a.v + b.v}; }
inline Vec operator-(Vec a, Vec b) { return {a.v - b.v}; }
inline Vec operator*(Vec a, Vec b) { return {a.v * b.v}; }
inline Vec operator/(Vec a, Vec b) { return {a.v / b.v}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {a.v * b.v + c.v}; }  // a * b + c; one rounding where the ISA has it
inline Vec max(Vec a, Vec b) { return {a.v > b.v ? a.v : b.v}; }   // b where either is NaN, as x86's maxps
inline Vec min(Vec a, Vec b) { return {a.v < b.v ? a.v : b.v}; }
inline Vec pinned(Vec a) { return a; }  // stays in its register, if the ISA gains by it
inline Vec sqrt(Vec a) { return {__builtin_sqrtf(a.v)}; }
inline Vec where_positive(Vec a, Vec b) { return {a.v > 0.0f ? b.v : 0.0f}; }         // b where a > 0, else 0
inline Vec largest(Vec a, Vec b) { return {a.v > b.v || a.v != a.v ? a.v : b.v}; }    // NaN wins
inline Vec where_equal(Vec a, Vec b, Vec c) { return {a.v == b.v ? c.v : 0.0f}; }     // c where a == b, else 0
inline Vec select_positive(Vec a, Vec b, Vec c) { return {a.v > 0.0f ? b.v : c.v}; }  // b where a > 0, else c
inline Vec rounded(Vec a) { return {__builtin_rintf(a.v)}; }                          // half to even
inline Vec scaled(Vec a, Vec n) {  // a 2^n for a whole n in [-252, 254]
  const int32_t all = static_cast<int32_t>(n.v), half = all >> 1, rest = all - half;
  const int32_t bits[2] = {(half + 127) << 23, (rest + 127) << 23};
  float factor[2];
  __builtin_memcpy(factor, bits, sizeof factor);
  return {a.v * factor[0] * factor[1]};
}
inline float sum(Vec a) { return a.v; }                                   // in a fixed tree order
inline void add_sums_of_four(Vec a, Vec b, Vec c, Vec d, float* total) {  // total[0] += sum(a), ... total[3] += sum(d)
  total[0] += a.v, total[1] += b.v, total[2] += c.v, total[3] += d.v;
}
inline void store_interleaved(Vec a, Vec b, Vec c, Vec d,
                              float* out) {  // out[4 l + i] = lane l of a, b, c, d for i = 0 .. 3
  out[0] = a.v, out[1] = b.v, out[2] = c.v, out[3] = d.v;
}
inline float highest(Vec a) { return a.v; }
inline float lowest(Vec a) { return a.v; }

/// out[l] = in[from[l]], or `outside` where from[l] < 0: a whole line of 16 elements of 4 bytes, moved as bits.
inline void permute_line(const float* in, const int32_t* from, uint32_t outside, float* out) {
  for (int l = 0; l < 16; ++l) {
    if (from[l] < 0) {
      __builtin_memcpy(out + l, &outside, 4);
    } else {
      __builtin_memcpy(out + l, in + from[l], 4);
    }
  }
}

// --- operands of sparse matrices (sparse_vector.inl) ---
inline Vec gather(const float* x, const uint16_t* places, int count) {  // x[places[l]] for the first count, rest 0
  return {count > 0 ? x[*places] : 0.0f};
}
/// Lanes part .. part + kWidth of the 16 that meet the values of blocks of R x C, [block][row][column]: lane l is
/// x[columns[block] C + column].
template <int R, int C>
inline Vec block_operand(const float* x, const uint16_t* columns, int part) {
  return {x[columns[part / (R * C)] * C + part % C]};
}
struct Four {  // four neighbours of x, in every group of four lanes
  const float* x;
};
inline Four repeat_four(const float* x) { return {x}; }
/// Lane l of part .. part + kWidth is that of the four which bits 2l, 2l + 1 of `places` name.
inline Vec pick_of_four(Four four, uint32_t places, int part) { return {four.x[places >> (2 * part) & 3u]}; }

}  // namespace kernels_scalar
}  // namespace pith
