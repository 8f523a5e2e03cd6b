// QuantParams: how integers stand for real numbers: real = scale * (q - zero_point). A plain value.
//
// Invariant (check_quant): zero is always exact, because zero_point lies in the range of q; scales are finite and above
// 0. So a pruned weight stays exactly zero through any rounding.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/shape.h"

namespace pith {

/// Largest level of symmetric weights of these bits, whose smallest is its negative: so that zero is one of them. Of one
/// bit 1: -1 and +1 are all there is.
constexpr int32_t highest_level(int bits) { return bits == 1 ? 1 : (1 << (bits - 1)) - 1; }

struct QuantParams {
  int bits = 8;                     ///< 1 to 8, or 16
  bool is_signed = true;            ///< q in [-2^(bits-1), 2^(bits-1) - 1], else [0, 2^bits - 1]
  std::vector<float> scale;         ///< one, or one per row (output channel), or one per group of a row
  std::vector<int32_t> zero_point;  ///< one per scale; empty = all 0 (symmetric)

  /// Smallest and largest q. One signed bit stands for -1 and +1, with no zero between (BinaryConnect's levels).
  int32_t lowest() const { return !is_signed ? 0 : -(1 << (bits - 1)); }
  int32_t highest() const { return is_signed ? highest_level(bits) : (1 << bits) - 1; }
  bool is_symmetric() const { return zero_point.empty(); }

  friend bool operator==(const QuantParams&, const QuantParams&) = default;
};

/// Throws ArgumentError with the offending number if `q` breaks the invariant or has another count of scales than
/// 1, the rows of `shape`, or a multiple of the rows that divides its elements (groups). shape: of the quantised
/// tensor, rows first.
void check_quant(const QuantParams& q, const Shape& shape);

/// Longest dot product of signed bits_a x bits_b integers whose sum cannot leave s32.
///
/// Each product is at most 2^(a-1) 2^(b-1) = 2^(a+b-2) in size (both at their lowest), so `depth` of them reach at most
/// depth 2^(a+b-2), which must not pass 2^31 - 1: depth = floor((2^31 - 1) / 2^(a+b-2)). 131 071 for s8 x s8 (with
/// every input -128 the sum is 2 147 467 264; one more step overflows), 2 097 151 for s4 x s8, 1 for s16 x s16.
constexpr int64_t max_depth(int bits_a, int bits_b) { return INT64_C(0x7fffffff) >> (bits_a + bits_b - 2); }

/// The same for any two ranges: floor((2^31 - 1) / (largest |q_a| * largest |q_b|)). 65 793 for u8 x s8.
int64_t max_depth(const QuantParams& a, const QuantParams& b);

}  // namespace pith
