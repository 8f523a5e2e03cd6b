// The vector trait with 16 lanes: one line is one register. Meanings: vec_scalar.h. Some intrinsics stand in their
// masked form with a full mask: GCC 12 warns of an "uninitialized" register inside its own unmasked ones.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

namespace pith {
namespace kernels_avx512 {

struct Vec {
  static constexpr int kWidth = 16;
  static constexpr int kRegisters = 32;
  __m512 v;
  static __mmask16 mask(int count) {
    return count >= 16  ? static_cast<__mmask16>(0xFFFF)
           : count <= 0 ? static_cast<__mmask16>(0)
                        : static_cast<__mmask16>((1u << count) - 1);
  }
  static Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Vec load(const float* p, int count) { return {_mm512_maskz_loadu_ps(mask(count), p)}; }
  static Vec set(float x) { return {_mm512_set1_ps(x)}; }
  static Vec zero() { return {_mm512_setzero_ps()}; }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  void store(float* p, int count) const { _mm512_mask_storeu_ps(p, mask(count), v); }
  void stream(float* p) const { _mm512_stream_ps(p, v); }
};

inline Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline Vec max(Vec a, Vec b) { return {_mm512_maskz_max_ps(Vec::mask(16), a.v, b.v)}; }
inline Vec min(Vec a, Vec b) { return {_mm512_maskz_min_ps(Vec::mask(16), a.v, b.v)}; }
/// Keeps a broadcast in a register: as an operand in memory it would take a load slot at every use.
inline Vec pinned(Vec a) {
  asm("" : "+v"(a.v));
  return a;
}
inline Vec sqrt(Vec a) { return {_mm512_maskz_sqrt_ps(Vec::mask(16), a.v)}; }
inline Vec where_positive(Vec a, Vec b) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a.v, _mm512_setzero_ps(), _CMP_GT_OQ), b.v)};
}
inline Vec largest(Vec a, Vec b) {
  return {_mm512_mask_mov_ps(max(a, b).v, _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q), a.v)};
}
inline Vec where_equal(Vec a, Vec b, Vec c) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ), c.v)};
}
inline Vec select_positive(Vec a, Vec b, Vec c) {
  return {_mm512_mask_mov_ps(c.v, _mm512_cmp_ps_mask(a.v, _mm512_setzero_ps(), _CMP_GT_OQ), b.v)};
}
inline Vec rounded(Vec a) { return {_mm512_maskz_roundscale_ps(Vec::mask(16), a.v, 0)}; }
inline Vec scaled(Vec a, Vec n) { return {_mm512_maskz_scalef_ps(Vec::mask(16), a.v, n.v)}; }
inline __m256 low(__m512 a) { return _mm512_maskz_extractf32x8_ps(0xFF, a, 0); }
inline __m256 high(__m512 a) { return _mm512_maskz_extractf32x8_ps(0xFF, a, 1); }
inline float sum(Vec a) {
  const __m256 o = _mm256_add_ps(low(a.v), high(a.v));
  const __m128 h = _mm_add_ps(_mm256_castps256_ps128(o), _mm256_extractf128_ps(o, 1));
  const __m128 q = _mm_add_ps(h, _mm_movehl_ps(h, h));
  return _mm_cvtss_f32(_mm_add_ss(q, _mm_shuffle_ps(q, q, 1)));
}
inline __m128 sums_of_four(__m256 v) { return _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1)); }
inline void add_sums_of_four(Vec a, Vec b, Vec c, Vec d, float* total) {
  const __mmask16 all = Vec::mask(16);
  const __m512 ab = _mm512_add_ps(_mm512_maskz_unpacklo_ps(all, a.v, b.v), _mm512_maskz_unpackhi_ps(all, a.v, b.v));
  const __m512 cd = _mm512_add_ps(_mm512_maskz_unpacklo_ps(all, c.v, d.v), _mm512_maskz_unpackhi_ps(all, c.v, d.v));
  const __m512 abcd =
      _mm512_add_ps(_mm512_maskz_shuffle_ps(all, ab, cd, 0x44), _mm512_maskz_shuffle_ps(all, ab, cd, 0xEE));
  _mm_storeu_ps(total, _mm_add_ps(_mm_loadu_ps(total), sums_of_four(_mm256_add_ps(low(abcd), high(abcd)))));
}
inline void store_interleaved(Vec a, Vec b, Vec c, Vec d, float* out) {
  const __mmask16 all = Vec::mask(16);
  const __m512 ab = _mm512_maskz_unpacklo_ps(all, a.v, b.v), ab2 = _mm512_maskz_unpackhi_ps(all, a.v, b.v);
  const __m512 cd = _mm512_maskz_unpacklo_ps(all, c.v, d.v), cd2 = _mm512_maskz_unpackhi_ps(all, c.v, d.v);
  const __m512 r0 = _mm512_maskz_shuffle_ps(all, ab, cd, 0x44), r1 = _mm512_maskz_shuffle_ps(all, ab, cd, 0xEE);
  const __m512 r2 = _mm512_maskz_shuffle_ps(all, ab2, cd2, 0x44), r3 = _mm512_maskz_shuffle_ps(all, ab2, cd2, 0xEE);
  const __m512 low01 = _mm512_maskz_shuffle_f32x4(all, r0, r1, 0x44),
               low23 = _mm512_maskz_shuffle_f32x4(all, r2, r3, 0x44);
  const __m512 high01 = _mm512_maskz_shuffle_f32x4(all, r0, r1, 0xEE),
               high23 = _mm512_maskz_shuffle_f32x4(all, r2, r3, 0xEE);
  _mm512_storeu_ps(out, _mm512_maskz_shuffle_f32x4(all, low01, low23, 0x88));
  _mm512_storeu_ps(out + 16, _mm512_maskz_shuffle_f32x4(all, low01, low23, 0xDD));
  _mm512_storeu_ps(out + 32, _mm512_maskz_shuffle_f32x4(all, high01, high23, 0x88));
  _mm512_storeu_ps(out + 48, _mm512_maskz_shuffle_f32x4(all, high01, high23, 0xDD));
}
inline float highest(Vec a) {
  const __m256 o = _mm256_max_ps(low(a.v), high(a.v));
  const __m128 h = _mm_max_ps(_mm256_castps256_ps128(o), _mm256_extractf128_ps(o, 1));
  const __m128 q = _mm_max_ps(h, _mm_movehl_ps(h, h));
  return _mm_cvtss_f32(_mm_max_ss(q, _mm_shuffle_ps(q, q, 1)));
}
inline float lowest(Vec a) {
  const __m256 o = _mm256_min_ps(low(a.v), high(a.v));
  const __m128 h = _mm_min_ps(_mm256_castps256_ps128(o), _mm256_extractf128_ps(o, 1));
  const __m128 q = _mm_min_ps(h, _mm_movehl_ps(h, h));
  return _mm_cvtss_f32(_mm_min_ss(q, _mm_shuffle_ps(q, q, 1)));
}
inline void permute_line(const float* in, const int32_t* from, uint32_t outside, float* out) {
  const __m512i index = _mm512_loadu_si512(from), line = _mm512_loadu_si512(in);
  const __mmask16 inside = _mm512_cmpge_epi32_mask(index, _mm512_setzero_si512());
  const __m512i border = _mm512_set1_epi32(static_cast<int32_t>(outside));
  _mm512_storeu_si512(out, _mm512_mask_permutexvar_epi32(border, inside, index, line));
}

inline Vec gather(const float* x, const uint16_t* places, int count) {
  const __mmask16 live = Vec::mask(count);
  const __m512i at = _mm512_maskz_cvtepu16_epi32(Vec::mask(16), _mm256_maskz_loadu_epi16(live, places));
  return {_mm512_mask_i32gather_ps(_mm512_setzero_ps(), live, at, x, 4)};
}
/// C floats again and again.
template <int C>
inline __m512 repeat(const float* x) {
  const __mmask16 all = Vec::mask(16);
  if constexpr (C == 1) return _mm512_set1_ps(*x);
  if constexpr (C == 2)
    return _mm512_maskz_broadcast_f32x2(all, _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x))));
  if constexpr (C == 4) return _mm512_maskz_broadcast_f32x4(all, _mm_loadu_ps(x));
  if constexpr (C == 8) return _mm512_maskz_broadcast_f32x8(all, _mm256_loadu_ps(x));
  return _mm512_loadu_ps(x);
}
template <int R, int C>
inline Vec block_operand(const float* x, const uint16_t* columns, int) {
  constexpr int kSize = R * C;
  __m512 v = repeat<C>(x + columns[0] * C);
  for (int b = 1; b < 16 / kSize; ++b) {
    const __mmask16 lanes = static_cast<__mmask16>(((1u << kSize) - 1u) << (b * kSize));
    v = _mm512_mask_mov_ps(v, lanes, repeat<C>(x + columns[b] * C));
  }
  return {v};
}
using Four = Vec;
inline Four repeat_four(const float* x) { return {repeat<4>(x)}; }
inline Vec pick_of_four(Four four, uint32_t places, int) {
  const __mmask16 all = Vec::mask(16);
  const __m512i shift = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i at = _mm512_maskz_srlv_epi32(all, _mm512_set1_epi32(static_cast<int32_t>(places)), shift);
  return {_mm512_maskz_permutevar_ps(all, four.v, at)};
}

}  // namespace kernels_avx512
}  // namespace pith
