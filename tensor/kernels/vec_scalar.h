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
inline Vec where_positive(Vec a, Vec b) { return {a.v > 0.0f ? b.v : 0.0f}; }  // b where a > 0, else 0
inline float sum(Vec a) { return a.v; }                                        // in a fixed tree order
inline float highest(Vec a) { return a.v; }
inline float lowest(Vec a) { return a.v; }

}  // namespace kernels_scalar
}  // namespace pith
