// The second opinion: dense truth computed by Eigen in double, sharing no code with ours. The only door to Eigen beside
// bench/. Values are row-major.
#pragma once

#include <vector>

#include "tensor/shape.h"

namespace pith::test::oracle {

using Values = std::vector<double>;

/// a [m, k] b [k, n].
Values matmul(const Values& a, const Values& b, int64_t m, int64_t k, int64_t n);
/// The transpose of a [m, n].
Values transpose(const Values& a, int64_t m, int64_t n);

/// a [m, n] times the x of least norm that makes |a x - b| least: what of b [m] the columns of a can give.
Values least_squares_fit(const Values& a, const Values& b);

/// Convolution and its gradients as products with the stored unfolding of x (im2col).
Values conv2d(const Values& x, const Shape& xs, const Values& w, const Shape& ws, const Window& window);
Values conv2d_input_gradient(const Values& dy, const Values& w, const Shape& ws, const Shape& xs, const Window& window);
Values conv2d_weight_gradient(const Values& x, const Shape& xs, const Values& dy, const Shape& ws,
                              const Window& window);

}  // namespace pith::test::oracle
