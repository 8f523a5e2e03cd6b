// What this core can do at most, measured where it is needed: beside the row that is judged by it, because clocks move.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "bench/cpu_clock.h"
#include "tensor/kernels/table.h"

namespace pith::bench {

// Twelve independent chains hide the latency of two units; the empty asm keeps each step where it is.
#define PITH_CHAINS(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)
__attribute__((target("avx512f"))) inline void fma_chains_512(int steps) {
  __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(1e-3f);
  asm volatile("" : "+v"(a), "+v"(b));
#define PITH_DEFINE(i) __m512 x##i = a;
  PITH_CHAINS(PITH_DEFINE)
#undef PITH_DEFINE
  for (int s = 0; s < steps; ++s) {
#define PITH_STEP(i)                  \
  x##i = _mm512_fmadd_ps(x##i, a, b); \
  asm volatile("" : "+v"(x##i));
    PITH_CHAINS(PITH_STEP)
#undef PITH_STEP
  }
}
__attribute__((target("avx2,fma"))) inline void fma_chains_256(int steps) {
  __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-3f);
  asm volatile("" : "+x"(a), "+x"(b));
#define PITH_DEFINE(i) __m256 x##i = a;
  PITH_CHAINS(PITH_DEFINE)
#undef PITH_DEFINE
  for (int s = 0; s < steps; ++s) {
#define PITH_STEP(i)                  \
  x##i = _mm256_fmadd_ps(x##i, a, b); \
  asm volatile("" : "+x"(x##i));
    PITH_CHAINS(PITH_STEP)
#undef PITH_STEP
  }
}

/// The dot-product unit (u8 x s8 into 32 bits): kVnniOperations a call. Wants AVX-512 VNNI.
inline constexpr double kVnniOperations = 12 * 128 * 2e4;
__attribute__((target("avx512f,avx512vnni"))) inline void vnni_chains() {
  __m512i a = _mm512_set1_epi32(0x01020304), b = _mm512_set1_epi32(0x03020101);
#define PITH_DEFINE(i) __m512i x##i = a;
  PITH_CHAINS(PITH_DEFINE)
#undef PITH_DEFINE
  for (int s = 0; s < 20'000; ++s) {
#define PITH_STEP(i) asm volatile("vpdpbusd %2, %1, %0" : "+v"(x##i) : "v"(a), "v"(b));
    PITH_CHAINS(PITH_STEP)
#undef PITH_STEP
  }
}

/// Xor, population count and add, 1,024 operations a vector: kPopcountOperations a call. Wants AVX-512 VPOPCNTDQ.
inline constexpr double kPopcountOperations = 12 * 1024 * 2e4;
__attribute__((target("avx512f,avx512vpopcntdq"))) inline void popcount_chains() {
  __m512i a = _mm512_set1_epi32(0x12345678), b = _mm512_set1_epi32(0x55555555);
#define PITH_DEFINE(i) __m512i x##i = a;
  PITH_CHAINS(PITH_DEFINE)
#undef PITH_DEFINE
  for (int s = 0; s < 20'000; ++s) {
#define PITH_STEP(i)                                                          \
  asm volatile("" : "+v"(a));                                                 \
  x##i = _mm512_add_epi64(x##i, _mm512_popcnt_epi64(_mm512_xor_si512(a, b))); \
  asm volatile("" : "+v"(x##i));
    PITH_CHAINS(PITH_STEP)
#undef PITH_STEP
  }
}
#undef PITH_CHAINS

/// GFLOP/s of fused multiply-adds on one core, best of `rounds` of about 2 ms; 0 where the table in force is scalar.
inline double fma_ceiling(int rounds = 5) {
  const bool wide = std::string_view(kernels().isa) == "avx512";
  if (!wide && std::string_view(kernels().isa) != "avx2") return 0;
  constexpr int kSteps = 1'000'000;
  double best = 0;
  for (int i = 0; i < rounds; ++i) {
    const double start = thread_seconds();
    wide ? fma_chains_512(kSteps) : fma_chains_256(kSteps);
    best = std::max(best, 2e-9 * 12 * (wide ? 16 : 8) * kSteps / (thread_seconds() - start));
  }
  return best;
}

/// Reads all bytes once: four sums of lines, no line kept. For the speed of memory, `bytes` beyond the last cache.
__attribute__((target("avx2"))) inline void read_lines(const float* x, int64_t floats) {
  __m256 a = _mm256_setzero_ps(), b = a, c = a, d = a;
  for (int64_t i = 0; i + 32 <= floats; i += 32) {
    a = _mm256_add_ps(a, _mm256_loadu_ps(x + i)), b = _mm256_add_ps(b, _mm256_loadu_ps(x + i + 8));
    c = _mm256_add_ps(c, _mm256_loadu_ps(x + i + 16)), d = _mm256_add_ps(d, _mm256_loadu_ps(x + i + 24));
  }
  asm volatile("" : "+x"(a), "+x"(b), "+x"(c), "+x"(d));
}

}  // namespace pith::bench
