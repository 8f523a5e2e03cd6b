// Pooling and flattening of integers in lane order: exact, so no scale is asked for. Tiles become lanes.
#pragma once

#include "tensor/ops/pool2d.h"
#include "tensor/ops/quantized.h"

namespace pith::ops {

/// Largest integer of each window; padding holds the zero point, so only non-negative numbers (zero point 0) may be
/// padded: ArgumentError otherwise. x: u8 [n, c, h, w] -> [n, c, oh, ow] in lanes, halo 1 at the zero point.
QuantizedTensor max_pool2d_u8(const QuantizedTensor& x, const PoolKernel& kernel, const Window& window);

/// [n, c, h, w] -> [n, c h w], u8, in lanes.
QuantizedTensor flatten_u8(const QuantizedTensor& x);

}  // namespace pith::ops
