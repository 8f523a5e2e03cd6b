// Linear layers whose weights have 4, 2 or 1 bits (INT4 per channel or in groups, ternary, binary), times 8-bit
// activations (or 4-bit ones: the same numbers, a smaller range). Integer sums are equal on every instruction set and
// for any number of threads; a group's sum becomes a float, and groups are added by one multiply-add each, rising.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace pith {

struct KernelTable;
const KernelTable& kernels();

namespace ops {

/// A matrix at rest, as kernels/narrow_views.h says: weight = scale (level - zero). Padding rows are anything finite.
struct NarrowRows {
  int64_t rows = 0, cols = 0;
  int bits = 4;       ///< 4, 2 or 1
  int64_t group = 0;  ///< columns that share a scale: a multiple of 32 / bits
  const uint8_t* codes = nullptr;
  const uint8_t* levels = nullptr;    ///< of 1 and 2 bits
  const int32_t* zero = nullptr;      ///< [panels][16]
  const float* scale = nullptr;       ///< [panels][groups][16]
  const float* weight_sum = nullptr;  ///< [panels][16]: sum of the weights of a row; wanted where x has a zero point

  int64_t panels() const { return (rows + 15) / 16; }
  int64_t groups() const { return (cols + group - 1) / group; }
  /// Vectors of 64 bytes of one group of a panel: 32 / bits columns each.
  int64_t steps() const { return group * bits / 32; }
};

/// How x becomes integers: q = clamp(round(x / scale) + zero_point, lowest, highest). With scale 0 every row of x gets
/// its own scale, largest |x| / highest, and the zero point is 0.
struct NarrowInput {
  float scale = 0;
  int32_t zero_point = 0, lowest = -127, highest = 127;  ///< highest - lowest <= 255
};

/// x w^T + bias: x f32 [n, cols] in either order, bias f32 [rows] or undefined -> f32 [n, rows] in x's order. Shapes
/// and types are the caller's promise. Throws ArgumentError where the sum of a group could leave 32 bits: groups of 4
/// bits are at most 2 097 151 columns wide, of levels up to 127 at most 132 104.
Tensor narrow_linear(const Tensor& x, const NarrowRows& w, const NarrowInput& input, const Tensor& bias,
                     const KernelTable& table = kernels());

/// The sums themselves: x s8 [n, cols], plain, w of one group -> s32 [n, rows], plain; exact; throws as
/// narrow_linear does.
Tensor narrow_sums(const Tensor& x, const NarrowRows& w, const KernelTable& table = kernels());

}  // namespace ops
}  // namespace pith
