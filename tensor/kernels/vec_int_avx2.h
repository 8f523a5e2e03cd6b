// The integer vector with 8 lanes, without VNNI. Meanings: vec_int_scalar.h.
//
// The tempting pair instruction (vpmaddubsw) saturates: 2 x 255 x 127 does not fit 16 bits. So bytes are widened: the
// even and the odd bytes of x as 16-bit numbers (one mask, one shift), the weights' when the kernel is entered; then
// vpmaddwd is exact for any values.
#pragma once

#include "tensor/kernels/vec_avx2.h"

namespace pith {
namespace kernels_avx2 {

struct Int {
  static constexpr int kWidth = 8;
  __m256i v;
  static Int load(const void* p) { return {_mm256_loadu_si256(static_cast<const __m256i*>(p))}; }
  static Int set(int32_t x) { return {_mm256_set1_epi32(x)}; }
  static Int four(const void* p) {
    int32_t x;
    __builtin_memcpy(&x, p, 4);
    return set(x);
  }
  void store(void* p) const { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
};

inline Int operator+(Int a, Int b) { return {_mm256_add_epi32(a.v, b.v)}; }
inline Int operator-(Int a, Int b) { return {_mm256_sub_epi32(a.v, b.v)}; }

struct Bytes {
  __m256i even, odd;
  static Bytes of(Int x) { return {_mm256_and_si256(x.v, _mm256_set1_epi16(255)), _mm256_srli_epi16(x.v, 8)}; }
};
struct Weight {
  static constexpr int kWords = 2;
  __m256i even, odd;
  static Weight load(const int32_t* p) { return {_mm256_set1_epi32(p[0]), _mm256_set1_epi32(p[1])}; }
  static int32_t pair(int8_t low, int8_t high) {
    return static_cast<int32_t>(static_cast<uint32_t>(static_cast<uint16_t>(low)) |
                                static_cast<uint32_t>(static_cast<uint16_t>(high)) << 16);
  }
  static Weight of_block(const int32_t* p) {
    const __m256i w = _mm256_set1_epi32(*p);
    return {_mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), _mm256_srai_epi16(w, 8)};
  }
  static void widen(const int8_t* from, int32_t* to) {
    to[0] = pair(from[0], from[2]);
    to[1] = pair(from[1], from[3]);
  }
};
inline Weight pinned(Weight w) {
  asm("" : "+x"(w.even), "+x"(w.odd));
  return w;
}
inline Int dot(Int sum, Bytes x, Weight w) {
  sum.v = _mm256_add_epi32(sum.v, _mm256_madd_epi16(x.even, w.even));
  return {_mm256_add_epi32(sum.v, _mm256_madd_epi16(x.odd, w.odd))};
}

inline Int dot_signed(Int sum, Int x, Int w) {
  return dot(sum, Bytes::of(x), {_mm256_srai_epi16(_mm256_slli_epi16(w.v, 8), 8), _mm256_srai_epi16(w.v, 8)});
}
inline Int gather_words(const int32_t* x, const uint16_t* places) {
  const __m256i at = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(places)));
  return {_mm256_mask_i32gather_epi32(_mm256_setzero_si256(), x, at, _mm256_set1_epi32(-1), 4)};
}
inline int32_t total(Int a) {
  const __m128i h = _mm_add_epi32(_mm256_castsi256_si128(a.v), _mm256_extracti128_si256(a.v, 1));
  const __m128i q = _mm_add_epi32(h, _mm_shuffle_epi32(h, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(q, _mm_shuffle_epi32(q, 0xB1)));
}

/// total() of four, side by side.
inline void totals(const Int* s, int32_t* out) {
  const __m256i four = _mm256_hadd_epi32(_mm256_hadd_epi32(s[0].v, s[1].v), _mm256_hadd_epi32(s[2].v, s[3].v));
  const __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), sum);
}

inline Vec to_float(Int a) { return {_mm256_cvtepi32_ps(a.v)}; }
inline Int to_int(Vec a) { return {_mm256_cvtps_epi32(a.v)}; }
template <int J>
inline Int byte_of(Int a) {
  if constexpr (J == 3) return {_mm256_srli_epi32(a.v, 24)};
  return {_mm256_and_si256(_mm256_srli_epi32(a.v, 8 * J), _mm256_set1_epi32(255))};
}

struct ByteClamp {
  __m256i zero_point, lowest, highest, order;
  static ByteClamp make(int32_t zero_point, uint8_t lowest, uint8_t highest) {
    return {_mm256_set1_epi16(static_cast<short>(zero_point)), _mm256_set1_epi8(static_cast<char>(lowest)),
            _mm256_set1_epi8(static_cast<char>(highest)),
            _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15))};
  }
};
inline Int join_bytes(Int a, Int b, Int c, Int d, ByteClamp clamp) {
  const __m256i ab = _mm256_adds_epi16(_mm256_packs_epi32(a.v, b.v), clamp.zero_point);
  const __m256i cd = _mm256_adds_epi16(_mm256_packs_epi32(c.v, d.v), clamp.zero_point);
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_packus_epi16(ab, cd), clamp.order);
  return {_mm256_min_epu8(_mm256_max_epu8(bytes, clamp.lowest), clamp.highest)};
}

}  // namespace kernels_avx2
}  // namespace pith
