// The integer vector with 16 lanes: one line is one register, one dot product of 64 bytes one instruction (VNNI).
// Meanings: vec_int_scalar.h.
#pragma once

#include "tensor/kernels/vec_avx512.h"

namespace pith {
namespace kernels_avx512 {

struct Int {
  static constexpr int kWidth = 16;
  __m512i v;
  static Int load(const void* p) { return {_mm512_loadu_si512(p)}; }
  static Int set(int32_t x) { return {_mm512_set1_epi32(x)}; }
  static Int four(const void* p) {
    int32_t x;
    __builtin_memcpy(&x, p, 4);
    return set(x);
  }
  void store(void* p) const { _mm512_storeu_si512(p, v); }
};

inline Int operator+(Int a, Int b) { return {_mm512_add_epi32(a.v, b.v)}; }
inline Int operator-(Int a, Int b) { return {_mm512_sub_epi32(a.v, b.v)}; }

struct Bytes {
  __m512i v;
  static Bytes of(Int x) { return {x.v}; }
};
struct Weight {
  static constexpr int kWords = 1;
  __m512i v;
  static Weight load(const int32_t* p) { return {_mm512_set1_epi32(*p)}; }
  static Weight of_block(const int32_t* p) { return load(p); }
  static void widen(const int8_t* from, int32_t* to) { __builtin_memcpy(to, from, 4); }
};
inline Weight pinned(Weight w) {
  asm("" : "+v"(w.v));
  return w;
}
/// As assembly, not as the intrinsic: GCC 12 copies every sum to another register and back around that one, which
/// halves the speed of a loop of 24 sums.
inline __m512i dot_bytes(__m512i sum, __m512i x, __m512i w) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
  return sum;
}
inline Int dot(Int sum, Bytes x, Weight w) { return {dot_bytes(sum.v, x.v, w.v)}; }

inline Int dot_signed(Int sum, Int x, Int w) { return {dot_bytes(sum.v, x.v, w.v)}; }
inline Int gather_words(const int32_t* x, const uint16_t* places) {
  const __mmask16 all = Vec::mask(16);
  const __m512i at = _mm512_maskz_cvtepu16_epi32(all, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(places)));
  return {_mm512_mask_i32gather_epi32(_mm512_setzero_si512(), all, at, x, 4)};
}
inline int32_t total(Int a) {
  const __m256i low = _mm512_maskz_extracti32x8_epi32(0xFF, a.v, 0),
                high = _mm512_maskz_extracti32x8_epi32(0xFF, a.v, 1);
  const __m256i o = _mm256_add_epi32(low, high);
  const __m128i h = _mm_add_epi32(_mm256_castsi256_si128(o), _mm256_extracti128_si256(o, 1));
  const __m128i q = _mm_add_epi32(h, _mm_shuffle_epi32(h, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(q, _mm_shuffle_epi32(q, 0xB1)));
}

/// total() of four, side by side.
inline void totals(const Int* s, int32_t* out) {
  const __mmask16 all = Vec::mask(16);
  const auto pairs = [&](__m512i a, __m512i b) {
    return _mm512_add_epi32(_mm512_maskz_unpacklo_epi32(all, a, b), _mm512_maskz_unpackhi_epi32(all, a, b));
  };
  const __m512i ab = pairs(s[0].v, s[1].v), cd = pairs(s[2].v, s[3].v);
  const __m512i four = _mm512_add_epi32(_mm512_maskz_unpacklo_epi64(0xFF, ab, cd),
                                        _mm512_maskz_unpackhi_epi64(0xFF, ab, cd));
  const __m256i half = _mm256_add_epi32(_mm512_maskz_extracti32x8_epi32(0xFF, four, 0),
                                        _mm512_maskz_extracti32x8_epi32(0xFF, four, 1));
  const __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), sum);
}

inline Vec to_float(Int a) { return {_mm512_maskz_cvtepi32_ps(Vec::mask(16), a.v)}; }
inline Int to_int(Vec a) { return {_mm512_maskz_cvtps_epi32(Vec::mask(16), a.v)}; }
template <int J>
inline Int byte_of(Int a) {
  const __mmask16 all = Vec::mask(16);
  if constexpr (J == 3) return {_mm512_maskz_srli_epi32(all, a.v, 24)};
  return {_mm512_and_si512(_mm512_maskz_srli_epi32(all, a.v, 8 * J), _mm512_set1_epi32(255))};
}

struct ByteClamp {
  __m512i zero_point, lowest, highest, order;
  static ByteClamp make(int32_t zero_point, uint8_t lowest, uint8_t highest) {
    return {_mm512_set1_epi16(static_cast<short>(zero_point)), _mm512_set1_epi8(static_cast<char>(lowest)),
            _mm512_set1_epi8(static_cast<char>(highest)),
            _mm512_maskz_broadcast_i32x4(Vec::mask(16),
                                         _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15))};
  }
};
inline Int join_bytes(Int a, Int b, Int c, Int d, ByteClamp clamp) {
  const __m512i ab = _mm512_adds_epi16(_mm512_packs_epi32(a.v, b.v), clamp.zero_point);
  const __m512i cd = _mm512_adds_epi16(_mm512_packs_epi32(c.v, d.v), clamp.zero_point);
  const __m512i bytes = _mm512_shuffle_epi8(_mm512_packus_epi16(ab, cd), clamp.order);
  return {_mm512_min_epu8(_mm512_max_epu8(bytes, clamp.lowest), clamp.highest)};
}

}  // namespace kernels_avx512
}  // namespace pith
