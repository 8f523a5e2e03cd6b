// The slow twins of sparse products: what they mean, and the truth that the kernels are tested against. Never
// optimised. The matrix is compressed sparse rows (ops/sparse_plan.h); dense operands are plain and row-major.
#pragma once

#include "tensor/ops/sparse_plan.h"

namespace pith::ops::reference {

/// Calls each(k, row, column) for every kept weight.
template <class Each>
void each_weight(const SparsePattern& p, const Each& each) {
  for (int64_t section = 0; section < p.sections(); ++section)
    for (int64_t row = 0; row < p.rows; ++row)
      for (uint32_t k = p.row_ptr[section * p.rows + row]; k < p.row_ptr[section * p.rows + row + 1]; ++k)
        each(k, row, section * SparsePattern::kSection + p.columns[k]);
}

/// y [rows, n] += w x, x [cols, n].
template <class T>
void spmm(const SparsePattern& p, const T* values, const T* x, T* y, int64_t n) {
  each_weight(p, [&](uint32_t k, int64_t row, int64_t column) {
    for (int64_t j = 0; j < n; ++j) y[row * n + j] += values[k] * x[column * n + j];
  });
}

/// dvalues [kept] += sum over n of dy [rows, n] x [cols, n] at the places of w.
template <class T>
void sddmm(const SparsePattern& p, const T* dy, const T* x, T* dvalues, int64_t n) {
  each_weight(p, [&](uint32_t k, int64_t row, int64_t column) {
    for (int64_t j = 0; j < n; ++j) dvalues[k] += dy[row * n + j] * x[column * n + j];
  });
}

}  // namespace pith::ops::reference
