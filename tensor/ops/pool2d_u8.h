// Pooling and flattening of integers in lane order: exact, so only a mean asks for a scale. Tiles become lanes.
#pragma once

#include "tensor/ops/conv2d_s8.h"
#include "tensor/ops/pool2d.h"

namespace pith::ops {

/// Largest integer of each window; padding holds the zero point, so only non-negative numbers (zero point 0) may be
/// padded: ArgumentError otherwise. x: u8 [n, c, h, w] -> [n, c, oh, ow] in lanes, halo 1 at the zero point.
QuantizedTensor max_pool2d_u8(const QuantizedTensor& x, const PoolKernel& kernel, const Window& window);

/// Sum of each plane, q counted from the zero point, and from there by the rule of `to` (u8, no residual) with
/// to.scale[c] = (scale of x) / (scale of y) / (h w): the mean. x: u8 [n, c, h, w] -> u8 [n, c, 1, 1] in lanes.
/// Throws ShapeError, TypeError, ArgumentError.
Tensor mean_pool2d_u8(const QuantizedTensor& x, const IntTarget& to, const KernelTable& table = kernels());

/// [n, c, h, w] -> [n, c h w], u8, in lanes.
QuantizedTensor flatten_u8(const QuantizedTensor& x);

}  // namespace pith::ops
