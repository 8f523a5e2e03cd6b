// Pooling over windows of an image [n, c, h, w]. f32 or f64, either order of memory; the order is kept.
#pragma once

#include <array>

#include "autograd/variable.h"
#include "tensor/shape.h"

namespace pith {

/// Largest value of each window; padding never wins. Ties: the first in row-major order gets the gradient.
Variable max_pool2d(const Variable& x, std::array<int64_t, 2> kernel, const Window& window);
/// Mean of each window; padded zeros count (PyTorch's count_include_pad = true).
Variable average_pool2d(const Variable& x, std::array<int64_t, 2> kernel, const Window& window);
/// Mean over h and w: [n, c, h, w] -> [n, c, 1, 1].
Variable global_average_pool(const Variable& x);

}  // namespace pith
