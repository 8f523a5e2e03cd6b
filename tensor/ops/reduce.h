// Sums. f32 or f64, either order of memory; the result is plain. Chunks of the shape are summed alone and added in
// order, in double: the same bits at any number of threads. Throws TypeError for other types.
#pragma once

#include "tensor/tensor.h"

namespace pith::ops {

/// Sum of all elements: [].
Tensor sum(const Tensor& x);
/// Sum along one axis, which stays with extent 1 if `keep`.
Tensor sum(const Tensor& x, int axis, bool keep);
/// Sum over the axes along which `shape` was broadcast to x's shape; x itself where the shapes are equal.
Tensor sum_to(const Tensor& x, const Shape& shape);
/// Is every element neither NaN nor infinite? Stops at the first that is.
bool is_finite(const Tensor& x);

}  // namespace pith::ops
