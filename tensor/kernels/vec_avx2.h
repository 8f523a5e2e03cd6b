// The vector trait with 8 lanes: AVX2 and FMA. Meanings: vec_scalar.h.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

namespace pith {
namespace kernels_avx2 {

struct Vec {
  static constexpr int kWidth = 8;
  static constexpr int kRegisters = 16;
  __m256 v;
  static __m256i mask(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static Vec load(const float* p, int count) { return {_mm256_maskload_ps(p, mask(count))}; }
  static Vec set(float x) { return {_mm256_set1_ps(x)}; }
  static Vec zero() { return {_mm256_setzero_ps()}; }
  void store(float* p) const { _mm256_storeu_ps(p, v); }
  void store(float* p, int count) const { _mm256_maskstore_ps(p, mask(count), v); }
  void stream(float* p) const { _mm256_stream_ps(p, v); }
};

inline Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
inline Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
inline Vec pinned(Vec a) {
  asm("" : "+x"(a.v));
  return a;
}
inline Vec sqrt(Vec a) { return {_mm256_sqrt_ps(a.v)}; }
inline Vec where_positive(Vec a, Vec b) {
  return {_mm256_and_ps(_mm256_cmp_ps(a.v, _mm256_setzero_ps(), _CMP_GT_OQ), b.v)};
}
inline Vec largest(Vec a, Vec b) {
  return {_mm256_blendv_ps(_mm256_max_ps(a.v, b.v), a.v, _mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q))};
}
inline Vec where_equal(Vec a, Vec b, Vec c) { return {_mm256_and_ps(_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ), c.v)}; }
inline Vec select_positive(Vec a, Vec b, Vec c) {
  return {_mm256_blendv_ps(c.v, b.v, _mm256_cmp_ps(a.v, _mm256_setzero_ps(), _CMP_GT_OQ))};
}
inline Vec rounded(Vec a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
inline Vec scaled(Vec a, Vec n) {
  const __m256i all = _mm256_cvtps_epi32(n.v), half = _mm256_srai_epi32(all, 1), rest = _mm256_sub_epi32(all, half);
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256 first = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
  const __m256 second = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
  return {_mm256_mul_ps(_mm256_mul_ps(a.v, first), second)};
}
inline float sum(Vec a) {
  const __m128 h = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 q = _mm_add_ps(h, _mm_movehl_ps(h, h));
  return _mm_cvtss_f32(_mm_add_ss(q, _mm_shuffle_ps(q, q, 1)));
}
inline void add_sums_of_four(Vec a, Vec b, Vec c, Vec d, float* total) {
  const __m256 ab = _mm256_hadd_ps(a.v, b.v), cd = _mm256_hadd_ps(c.v, d.v), abcd = _mm256_hadd_ps(ab, cd);
  const __m128 sums = _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1));
  _mm_storeu_ps(total, _mm_add_ps(_mm_loadu_ps(total), sums));
}
inline void store_interleaved(Vec a, Vec b, Vec c, Vec d, float* out) {
  const __m256 ab = _mm256_unpacklo_ps(a.v, b.v), ab2 = _mm256_unpackhi_ps(a.v, b.v);
  const __m256 cd = _mm256_unpacklo_ps(c.v, d.v), cd2 = _mm256_unpackhi_ps(c.v, d.v);
  const __m256 r0 = _mm256_shuffle_ps(ab, cd, 0x44), r1 = _mm256_shuffle_ps(ab, cd, 0xEE);
  const __m256 r2 = _mm256_shuffle_ps(ab2, cd2, 0x44), r3 = _mm256_shuffle_ps(ab2, cd2, 0xEE);
  _mm256_storeu_ps(out, _mm256_permute2f128_ps(r0, r1, 0x20));
  _mm256_storeu_ps(out + 8, _mm256_permute2f128_ps(r2, r3, 0x20));
  _mm256_storeu_ps(out + 16, _mm256_permute2f128_ps(r0, r1, 0x31));
  _mm256_storeu_ps(out + 24, _mm256_permute2f128_ps(r2, r3, 0x31));
}
inline float highest(Vec a) {
  const __m128 h = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 q = _mm_max_ps(h, _mm_movehl_ps(h, h));
  return _mm_cvtss_f32(_mm_max_ss(q, _mm_shuffle_ps(q, q, 1)));
}
inline float lowest(Vec a) {
  const __m128 h = _mm_min_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 q = _mm_min_ps(h, _mm_movehl_ps(h, h));
  return _mm_cvtss_f32(_mm_min_ss(q, _mm_shuffle_ps(q, q, 1)));
}

inline void permute_line(const float* in, const int32_t* from, uint32_t outside, float* out) {
  for (int l = 0; l < 16; ++l) {
    if (from[l] < 0) {
      __builtin_memcpy(out + l, &outside, 4);
    } else {
      __builtin_memcpy(out + l, in + from[l], 4);
    }
  }
}

inline Vec gather(const float* x, const uint16_t* places, int count) {
  if (count < 8) {
    uint16_t all[8] = {};
    for (int i = 0; i < count; ++i) all[i] = places[i];
    const __m256i at = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(all)));
    return {_mm256_mask_i32gather_ps(_mm256_setzero_ps(), x, at, _mm256_castsi256_ps(Vec::mask(count)), 4)};
  }
  const __m256i at = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(places)));
  const __m256 all = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
  return {_mm256_mask_i32gather_ps(_mm256_setzero_ps(), x, at, all, 4)};
}
/// C floats again and again.
template <int C>
inline __m256 repeat(const float* x) {
  if constexpr (C == 1) return _mm256_set1_ps(*x);
  if constexpr (C == 2) return _mm256_castpd_ps(_mm256_broadcast_sd(reinterpret_cast<const double*>(x)));
  if constexpr (C == 4) return _mm256_broadcast_ps(reinterpret_cast<const __m128*>(x));
  return _mm256_loadu_ps(x);
}
template <int R, int C>
inline Vec block_operand(const float* x, const uint16_t* columns, int part) {
  if constexpr (C == 16) return {_mm256_loadu_ps(x + columns[0] * C + part)};
  if constexpr (R * C == 16) return {repeat<C>(x + columns[0] * C)};
  const __m256 first = repeat<C>(x + columns[part / (R * C)] * C);
  if constexpr (R * C == 8) return {first};
  return {_mm256_blend_ps(first, repeat<C>(x + columns[part / 4 + 1] * C), 0xF0)};
}
using Four = Vec;
inline Four repeat_four(const float* x) { return {_mm256_broadcast_ps(reinterpret_cast<const __m128*>(x))}; }
inline Vec pick_of_four(Four four, uint32_t places, int part) {
  const __m256i all = _mm256_set1_epi32(static_cast<int32_t>(places >> (2 * part)));
  return {_mm256_permutevar_ps(four.v, _mm256_srlv_epi32(all, _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14)))};
}

}  // namespace kernels_avx2
}  // namespace pith
