// Matrix products of Tensors, f32 or f64, without gradients. f32 runs on our own kernels, plain or over lane-ordered
// features (large products on machines without AVX2: OpenBLAS, tensor/blas.h), f64 on the slow twin. Same bits for any
// number of threads. Every function throws ShapeError with both shapes, or TypeError where the types are not all f32 or
// all f64. `table` is given by tests only.
#pragma once

#include "tensor/tensor.h"

namespace pith {

struct KernelTable;
const KernelTable& kernels();

namespace ops {

/// a [m, k] b [k, n] -> [m, n], plain.
Tensor matmul(const Tensor& a, const Tensor& b, const KernelTable& table = kernels());
/// a [m, k] b^T, b [n, k] -> [m, n], plain.
Tensor matmul_nt(const Tensor& a, const Tensor& b, const KernelTable& table = kernels());
/// a^T b, a [k, m], b [k, n] -> [m, n], plain.
Tensor matmul_tn(const Tensor& a, const Tensor& b, const KernelTable& table = kernels());

/// x w^T + bias: x [n, in] in either order, w [out, in], bias [out] or undefined -> [n, out] in x's order.
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias, const KernelTable& table = kernels());
/// dy w: dy [n, out] in either order -> [n, in] in dy's order.
Tensor linear_input_gradient(const Tensor& dy, const Tensor& w, const KernelTable& table = kernels());
/// dy^T x -> [out, in], plain. Each in either order.
Tensor linear_weight_gradient(const Tensor& x, const Tensor& dy, const KernelTable& table = kernels());

}  // namespace ops
}  // namespace pith
