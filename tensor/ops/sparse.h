// Products with a sparse f32 matrix on the left, without gradients: multiplied as it lies, in compressed sparse rows.
//
// Dense operands are plain matrices (spmm, sddmm: columns of x side by side, as everybody has them) or features
// (sparse_linear: [n, features] in either order of memory; lane order needs no copy). Same bits for any number of
// threads. Every function throws ShapeError or TypeError by a sentence. `table` is given by tests only.
#pragma once

#include "tensor/ops/sparse_plan.h"
#include "tensor/tensor.h"

namespace pith::ops {

/// A sparse matrix as it lies; nobody's copy, who calls keeps it alive.
struct SparseMatrix {
  SparsePattern pattern;
  const float* values = nullptr;  ///< [kept]
  const SparsePlans* plans = nullptr;
};

/// w [rows, cols] x [cols, n] -> [rows, n]; plain f32.
Tensor spmm(const SparseMatrix& w, const Tensor& x, const KernelTable& table = kernels());
/// The sums over n of dy [rows, n] x [cols, n] at the places of w (its values are not read): f32 [kept].
Tensor sddmm(const SparseMatrix& w, const Tensor& dy, const Tensor& x, const KernelTable& table = kernels());

/// x w^T + bias: x [n, cols] in either order, bias [rows] or undefined -> [n, rows] in x's order.
Tensor sparse_linear(const SparseMatrix& w, const Tensor& x, const Tensor& bias, const KernelTable& table = kernels());
/// The sums over n of dy [n, rows] x [n, cols] at the places of w; each in either order: f32 [kept].
Tensor sparse_linear_gradient(const SparseMatrix& w, const Tensor& x, const Tensor& dy,
                              const KernelTable& table = kernels());

}  // namespace pith::ops
