// The three products of a weight under a mask, skipping what is pruned: forward, input gradient, weight gradient. The
// weight stays a dense f32 tensor (the optimizer's); its kept values are gathered for each product, 4 bytes a kept
// weight against the 64 that each then multiplies.
//
// What depends on the mask alone - places, and how they are walked - is made once per Mask and shared by its copies
// (Mask::product). Results have the same bits for any number of threads.
#pragma once

#include <vector>

#include "tensor/formats/csr_pattern.h"
#include "tensor/formats/mask.h"
#include "tensor/ops/sparse.h"

namespace pith {

/// Where the kept weights of a matrix lie, as ops/sparse.h walks them, and where each stands in the dense weight.
struct MaskedSide {
  int64_t rows = 0, cols = 0;
  std::vector<uint32_t> row_ptr;   ///< sections as formats/csr.h draws them
  std::vector<uint16_t> columns;   ///< [kept]
  std::vector<uint32_t> position;  ///< [kept], in the dense weight
  ops::SparsePlans plans;

  ops::SparseMatrix view(const Tensor& values) const {
    return {{rows, cols, row_ptr.data(), columns.data()}, values.defined() ? values.data<float>() : nullptr, &plans};
  }
};

/// A matrix and its transpose.
struct MaskedProduct {
  MaskedSide weight, transpose;
  explicit MaskedProduct(const Mask& mask) : MaskedProduct(csr_pattern(mask)) {}
  explicit MaskedProduct(const CsrPattern& pattern);
};

// w: f32, plain, contiguous, the mask's shape; as a matrix it has shape()[0] rows. Values where the mask prunes are not
// read. Every function throws ShapeError or TypeError.

/// x w^T + bias: x [n, cols] in either order, bias [rows] or undefined -> [n, rows] in x's order.
Tensor masked_linear(const Mask& mask, const Tensor& w, const Tensor& x, const Tensor& bias);
/// dy w: dy [n, rows] -> [n, cols], in dy's order.
Tensor masked_linear_input_gradient(const Mask& mask, const Tensor& w, const Tensor& dy);
/// dy^T x where the mask keeps, 0 elsewhere: x [n, cols], dy [n, rows] in either order -> the mask's shape.
Tensor masked_linear_weight_gradient(const Mask& mask, const Tensor& x, const Tensor& dy);

/// w x: x [cols, n] -> [rows, n]; plain.
Tensor masked_matmul(const Mask& mask, const Tensor& w, const Tensor& x);
/// w^T dy: dy [rows, n] -> [cols, n]; plain.
Tensor masked_matmul_transposed(const Mask& mask, const Tensor& w, const Tensor& dy);
/// dy x^T where the mask keeps, 0 elsewhere.
Tensor masked_matmul_weight_gradient(const Mask& mask, const Tensor& dy, const Tensor& x);

}  // namespace pith
