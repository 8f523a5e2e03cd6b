// Words of bits and 32-bit counts, 16 lanes: one line is one register. Meanings: vec_words_scalar.h. Included behind
// vec_avx512.h.
#pragma once

namespace pith {
namespace kernels_avx512 {

struct Words {
  static constexpr int kWidth = 16;
  __m512i v;
  static Words load(const uint32_t* p) { return {_mm512_loadu_si512(p)}; }
  static Words set(int32_t x) { return {_mm512_set1_epi32(x)}; }
  static Words set(uint32_t x) { return {_mm512_set1_epi32(static_cast<int>(x))}; }
  static Words zero() { return {_mm512_setzero_si512()}; }
  static Words load_bytes(const void* p) { return {_mm512_loadu_si512(p)}; }
  void store_bytes(void* p) const { _mm512_storeu_si512(p, v); }
  static Words repeat_16_bytes(const void* p, int) {
    return {_mm512_maskz_broadcast_i32x4(Vec::mask(16), _mm_loadu_si128(static_cast<const __m128i*>(p)))};
  }
  void store(uint32_t* p) const { _mm512_storeu_si512(p, v); }
};

inline Words operator^(Words a, Words b) { return {_mm512_xor_si512(a.v, b.v)}; }
inline Words operator|(Words a, Words b) { return {_mm512_or_si512(a.v, b.v)}; }
inline Words operator&(Words a, Words b) { return {_mm512_and_si512(a.v, b.v)}; }
inline Words operator+(Words a, Words b) { return {_mm512_add_epi32(a.v, b.v)}; }
template <int kBits>
inline Words down(Words a) {
  return {_mm512_maskz_srli_epi32(Vec::mask(16), a.v, kBits)};
}
template <int kBits>
inline Words up(Words a) {
  return {_mm512_maskz_slli_epi32(Vec::mask(16), a.v, kBits)};
}
inline Words pinned(Words a) {
  asm("" : "+v"(a.v));
  return a;
}
inline Words minus_twice(int32_t base, Words a) {
  return {_mm512_sub_epi32(_mm512_set1_epi32(base), _mm512_add_epi32(a.v, a.v))};
}
inline Vec as_float(Words a) { return {_mm512_maskz_cvtepi32_ps(Vec::mask(16), a.v)}; }
inline Words flip_where_at_most(Words bits, Words count, Words limit, Words bit) {
  return {_mm512_mask_xor_epi32(bits.v, _mm512_cmple_epi32_mask(count.v, limit.v), bits.v, bit.v)};
}
inline Words set_where_not_negative(Words bits, Vec x, uint32_t bit) {
  const __mmask16 is = _mm512_cmp_ps_mask(x.v, _mm512_setzero_ps(), _CMP_GE_OQ);
  return {_mm512_mask_or_epi32(bits.v, is, bits.v, _mm512_set1_epi32(static_cast<int>(bit)))};
}

inline Words operator*(Words a, Words b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
inline void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
template <int kBits, int J>
inline Words low_bits(Words a) {
  return {_mm512_and_si512(_mm512_srli_epi16(a.v, kBits * J), _mm512_set1_epi8((1 << kBits) - 1))};
}
inline Words lookup(Words table, Words index) {
  const __m512i row = _mm512_set4_epi32(0x0C0C0C0C, 0x08080808, 0x04040404, 0);
  return {_mm512_shuffle_epi8(table.v, _mm512_or_si512(index.v, row))};
}
inline Words lookup_any(Words table, Words index) { return {_mm512_shuffle_epi8(table.v, index.v)}; }
inline Words dot_bytes(Words sum, Words a, Words b) { return {_mm512_dpbusd_epi32(sum.v, a.v, b.v)}; }

/// Bytes count (Mula's nibble table): 8 a word at most, so 31 words fit.
struct ByteCount {
  static constexpr int64_t kMost = 31;
  static constexpr int kTilePixels = 4;
  __m512i v;
  static ByteCount zero() { return {_mm512_setzero_si512()}; }
  ByteCount plus(Words a) const {
    const __m512i ones = _mm512_set4_epi32(0x04030302, 0x03020201, 0x03020201, 0x02010100);
    const __m512i nibble = _mm512_set1_epi8(15);
    const __m512i low = _mm512_and_si512(a.v, nibble), high = _mm512_and_si512(_mm512_srli_epi16(a.v, 4), nibble);
    return {_mm512_add_epi8(_mm512_add_epi8(v, _mm512_shuffle_epi8(ones, low)), _mm512_shuffle_epi8(ones, high))};
  }
  Words total() const {
    return {_mm512_madd_epi16(_mm512_maddubs_epi16(v, _mm512_set1_epi8(1)), _mm512_set1_epi16(1))};
  }
};

// Functions between these two may use VPOPCNTDQ; the table that has them is chosen where the CPU does (table.cpp).
#ifdef __clang__
#define PITH_POPCOUNT_BEGIN \
  _Pragma("clang attribute push(__attribute__((target(\"avx512vpopcntdq\"))), apply_to = function)")
#define PITH_POPCOUNT_END _Pragma("clang attribute pop")
#else
#define PITH_POPCOUNT_BEGIN _Pragma("GCC push_options") _Pragma("GCC target(\"avx512vpopcntdq\")")
#define PITH_POPCOUNT_END _Pragma("GCC pop_options")
#endif

PITH_POPCOUNT_BEGIN
/// Words count, by the instruction that newer processors have.
struct WordCount {
  static constexpr int64_t kMost = 0;
  static constexpr int kTilePixels = 4;
  __m512i v;
  static WordCount zero() { return {_mm512_setzero_si512()}; }
  WordCount plus(Words a) const { return {_mm512_add_epi32(v, _mm512_popcnt_epi32(a.v))}; }
  Words total() const { return {v}; }
};
PITH_POPCOUNT_END

}  // namespace kernels_avx512
}  // namespace pith
