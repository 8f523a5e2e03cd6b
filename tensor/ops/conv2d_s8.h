// Integer convolution and integer linear layers, forward: u8 activations times s8 weights into 32-bit sums (64-bit
// where int_weights.h could not prove that 32 are enough), and from there by the one rule (kernels/int_views.h,
// Requantize) to u8, or to real numbers, or as they are. Equal to the bit on every instruction set and for any number
// of threads.
#pragma once

#include <vector>

#include "tensor/ops/int_weights.h"
#include "tensor/ops/quantized.h"

namespace pith::ops {

/// What the sums become. With sum = bias[k] + sum of w (q - zero point of x):
///   u8:   clamp(round(sum * scale[k] + (r - zero point of r) * residual_scale) + zero_point, 0, highest), where
///         scale[k] is (scale of x) (scale of w[k]) / (scale of y) and residual_scale (scale of r) / (scale of y);
///   f32:  sum * scale[k], where scale[k] is (scale of x) (scale of w[k]);
///   s32:  sum.
struct IntTarget {
  DType dtype = DType::u8;
  std::vector<float> scale = {};  ///< one an output channel, finite; none for s32
  int32_t zero_point = 0;         ///< of y, u8 only
  bool relu = false;              ///< u8 only: nothing below the zero point
  int32_t highest = 255;          ///< u8 only: 15 of 4 bits, at least the zero point
  QuantizedTensor residual = {};  ///< u8 only: the result's shape, either order, or undefined values
  float residual_scale = 0;
};

/// x [n, c, h, w] in either order, w packed for x's zero point and the window's groups -> [n, k, oh, ow] in lane order
/// (as tiles, where x lies so, the stride divides a tile and the residual is tiles, too), the halo of u8 at the
/// target's zero point. Throws ShapeError (conv2d_shape's sentences), TypeError, ArgumentError.
Tensor conv2d_s8(const QuantizedTensor& x, const IntWeights& w, const Window& window, const IntTarget& to,
                 const KernelTable& table = kernels());

/// x [n, cols] in either order, w [rows, cols] -> [n, rows] in lane order.
Tensor linear_s8(const QuantizedTensor& x, const IntWeights& w, const IntTarget& to,
                 const KernelTable& table = kernels());

}  // namespace pith::ops
