// Linear layers for few vectors (batch 1, LSTM steps): weights of 8 bits as they lie at rest, row by row. What limits
// them is how fast the weights arrive, so a quarter of f32's bytes is a quarter of the time.
//
// x is rounded to 8 bits on the way in, each vector with the scale of its own largest element (symmetric, zero point
// 128: x = scale (q - 128), q from 1 to 255), so that no vector's answer depends on its neighbours; or all of them with
// a scale that is given.
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

/// The symmetric scale of each row of x, f32 [n, cols], plain: of its largest element, zero point 128. Throws
/// NumericError where x holds an infinity.
std::vector<ByteScale> symmetric_scales(const Tensor& x, const KernelTable& table = kernels());

/// Rows of x, f32 [n, cols], plain, as bytes: round(x / scale) + zero point, clamped to 0 .. 255; each row padded to
/// `step` bytes, a multiple of 64, by what stands for 0. NaN becomes 255. to: [n].
std::vector<uint8_t> byte_rows(const Tensor& x, int64_t step, std::span<const ByteScale> to,
                               const KernelTable& table = kernels());

/// The real numbers that x [n, cols] f32 has become by then: scale (q - zero point) of its symmetric_scales. Throws
/// ShapeError, TypeError, NumericError.
Tensor byte_rounded(const Tensor& x, const KernelTable& table = kernels());

/// x [n, cols] f32 in either order, bias [rows] f32 or undefined -> [n, rows] f32, plain:
/// y = float(sum of w (q - zero point)) * (the vector's scale * scale[r]) + bias[r]. Any depth: sums beyond max_depth
/// are added in 64 bits. NaN becomes 255. Throws ShapeError, TypeError, ArgumentError; NumericError where x holds an
/// infinity and no scale is given.
Tensor linear_s8_rows(const Tensor& x, const ByteRows& w, const Tensor& bias, std::optional<ByteScale> input = {},
                      const KernelTable& table = kernels());

}  // namespace ops
}  // namespace pith
