// Linear layers for few vectors (batch 1, LSTM steps): weights of 8 bits as they lie at rest, row by row. What limits
// them is how fast the weights arrive, so a quarter of f32's bytes is a quarter of the time.
//
// x is rounded to 8 bits on the way in, with one scale for all of it: the given one, or, by default, that of its
// largest element (symmetric, zero point 128: x = scale (q - 128), q from 1 to 255).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace pith {

struct KernelTable;
const KernelTable& kernels();

namespace ops {

/// Rows of signed bytes: weight[r][c] = scale[r] * w[r * step + c]. 64 bytes behind the last must be readable.
struct ByteRows {
  const int8_t* w = nullptr;
  int64_t rows = 0, cols = 0;
  int64_t step = 0;                   ///< bytes from row to row: at least cols
  std::span<const float> scale;       ///< [rows]
  std::span<const int64_t> row_sums;  ///< [rows]: of w, so that the zero point costs nothing in the loop
};

struct ByteScale {
  float scale = 1;
  int32_t zero_point = 0;
};

/// Throws ArgumentError, naming `op`, for a scale that is not finite and above 0 or a zero point outside of a byte.
void check_scale(const char* op, ByteScale input);

/// The symmetric scale of x's largest element, zero point 128. Throws NumericError where x holds an infinity.
ByteScale symmetric_scale(const Tensor& x, const KernelTable& table = kernels());

/// Rows of x, f32 [n, cols], plain, as bytes: round(x / scale) + zero point, clamped to 0 .. 255; each row padded to
/// `step` bytes, a multiple of 64, by what stands for 0. NaN becomes 255.
std::vector<uint8_t> byte_rows(const Tensor& x, int64_t step, ByteScale to, const KernelTable& table = kernels());

/// x [n, cols] f32 in either order, bias [rows] f32 or undefined -> [n, rows] f32, plain:
/// y = float(sum of w (q - zero point)) * (scale of x * scale[r]) + bias[r]. Any depth: sums beyond max_depth are added
/// in 64 bits. NaN becomes 255. Throws ShapeError, TypeError, ArgumentError; NumericError where x holds an infinity and
/// no scale is given.
Tensor linear_s8_rows(const Tensor& x, const ByteRows& w, const Tensor& bias, std::optional<ByteScale> input = {},
                      const KernelTable& table = kernels());

}  // namespace ops
}  // namespace pith
