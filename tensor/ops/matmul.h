// Matrix products of Tensors, f32 or f64, without gradients. Large f32 products go to OpenBLAS (tensor/blas.h), small
// ones and those over lane-ordered features to our own kernels; f64 to the slow twin. Same bits for any thread count.
// Every function throws ShapeError with both shapes, or TypeError where the types are not all f32 or all f64.
#pragma once

#include "tensor/tensor.h"

namespace pith {

struct KernelTable;

namespace ops {

/// a [m, k] b [k, n] -> [m, n], plain.
Tensor matmul(const Tensor& a, const Tensor& b);
/// a [m, k] b^T, b [n, k] -> [m, n], plain.
Tensor matmul_nt(const Tensor& a, const Tensor& b);
/// a^T b, a [k, m], b [k, n] -> [m, n], plain.
Tensor matmul_tn(const Tensor& a, const Tensor& b);

/// x w^T + bias: x [n, in] in either order, w [out, in], bias [out] or undefined -> [n, out] in x's order.
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias);
/// dy w: dy [n, out] in either order -> [n, in] in dy's order.
Tensor linear_input_gradient(const Tensor& dy, const Tensor& w);
/// dy^T x -> [out, in], plain. Each in either order.
Tensor linear_weight_gradient(const Tensor& x, const Tensor& dy);

}  // namespace ops
}  // namespace pith
