// Pooling of images [n, c, h, w] and its way back. f32 or f64; the order of memory is kept (lanes: halo 1, or 0 where
// the result is one pixel). Throws ShapeError where the window does not fit, or where one lies in the padding alone;
// TypeError for other types. Planes are computed alone: same bits at any number of threads.
#pragma once

#include <array>

#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace pith::ops {

using PoolKernel = std::array<int64_t, 2>;  ///< rows, columns

/// Largest element of each window, NaN if it holds one; padding never wins.
Tensor max_pool2d(const Tensor& x, const PoolKernel& kernel, const Window& window);
/// y = max_pool2d(x): dy goes to the first place of its window, in row-major order, that holds the largest.
Tensor max_pool2d_gradient(const Tensor& x, const Tensor& y, const Tensor& dy, const PoolKernel& kernel,
                           const Window& window);

/// Sum of each window over the number of its places, padded ones included.
Tensor average_pool2d(const Tensor& x, const PoolKernel& kernel, const Window& window);
/// Gradient of an image of shape `x`, in dy's order of memory.
Tensor average_pool2d_gradient(const Tensor& dy, const Shape& x, const PoolKernel& kernel, const Window& window);

}  // namespace pith::ops
