// Words of bits and 32-bit counts, 8 lanes. Meanings: vec_words_scalar.h. Included behind vec_avx2.h.
#pragma once

namespace pith {
namespace kernels_avx2 {

struct Words {
  static constexpr int kWidth = 8;
  __m256i v;
  static Words load(const uint32_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
  static Words set(int32_t x) { return {_mm256_set1_epi32(x)}; }
  static Words set(uint32_t x) { return {_mm256_set1_epi32(static_cast<int>(x))}; }
  static Words zero() { return {_mm256_setzero_si256()}; }
  static Words load_bytes(const void* p) { return {_mm256_loadu_si256(static_cast<const __m256i*>(p))}; }
  void store_bytes(void* p) const { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
  static Words repeat_16_bytes(const void* p, int) {
    return {_mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(p)))};
  }
  void store(uint32_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
};

inline Words operator^(Words a, Words b) { return {_mm256_xor_si256(a.v, b.v)}; }
inline Words operator|(Words a, Words b) { return {_mm256_or_si256(a.v, b.v)}; }
inline Words operator&(Words a, Words b) { return {_mm256_and_si256(a.v, b.v)}; }
inline Words operator+(Words a, Words b) { return {_mm256_add_epi32(a.v, b.v)}; }
template <int kBits>
inline Words down(Words a) {
  return {_mm256_srli_epi32(a.v, kBits)};
}
template <int kBits>
inline Words up(Words a) {
  return {_mm256_slli_epi32(a.v, kBits)};
}
inline Words pinned(Words a) {
  asm("" : "+x"(a.v));
  return a;
}
inline Words minus_twice(int32_t base, Words a) {
  return {_mm256_sub_epi32(_mm256_set1_epi32(base), _mm256_add_epi32(a.v, a.v))};
}
inline Vec as_float(Words a) { return {_mm256_cvtepi32_ps(a.v)}; }
inline Words flip_where_at_most(Words bits, Words count, Words limit, Words bit) {
  return {_mm256_xor_si256(bits.v, _mm256_andnot_si256(_mm256_cmpgt_epi32(count.v, limit.v), bit.v))};
}
inline Words set_where_not_negative(Words bits, Vec x, uint32_t bit) {
  const __m256i is = _mm256_castps_si256(_mm256_cmp_ps(x.v, _mm256_setzero_ps(), _CMP_GE_OQ));
  return {_mm256_or_si256(bits.v, _mm256_and_si256(is, _mm256_set1_epi32(static_cast<int>(bit))))};
}

inline Words operator*(Words a, Words b) { return {_mm256_mullo_epi32(a.v, b.v)}; }
inline void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
template <int kBits, int J>
inline Words low_bits(Words a) {
  return {_mm256_and_si256(_mm256_srli_epi16(a.v, kBits * J), _mm256_set1_epi8((1 << kBits) - 1))};
}
inline Words lookup(Words table, Words index) {
  const __m256i row = _mm256_setr_epi32(0, 0x04040404, 0x08080808, 0x0C0C0C0C, 0, 0x04040404, 0x08080808, 0x0C0C0C0C);
  return {_mm256_shuffle_epi8(table.v, _mm256_or_si256(index.v, row))};
}
inline Words lookup_any(Words table, Words index) { return {_mm256_shuffle_epi8(table.v, index.v)}; }
inline Words dot_bytes(Words sum, Words a, Words b) {
  return {_mm256_add_epi32(sum.v, _mm256_madd_epi16(_mm256_maddubs_epi16(a.v, b.v), _mm256_set1_epi16(1)))};
}

/// Bytes count (Mula's nibble table): 8 a word at most, so 31 words fit.
struct Count {
  static constexpr int64_t kMost = 31;
  static constexpr int kTilePixels = 2;
  __m256i v;
  static Count zero() { return {_mm256_setzero_si256()}; }
  Count plus(Words a) const {
    const __m256i ones = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2,
                                          2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i low = _mm256_and_si256(a.v, nibble), high = _mm256_and_si256(_mm256_srli_epi16(a.v, 4), nibble);
    return {_mm256_add_epi8(_mm256_add_epi8(v, _mm256_shuffle_epi8(ones, low)), _mm256_shuffle_epi8(ones, high))};
  }
  Words total() const {
    return {_mm256_madd_epi16(_mm256_maddubs_epi16(v, _mm256_set1_epi8(1)), _mm256_set1_epi16(1))};
  }
};

}  // namespace kernels_avx2
}  // namespace pith
