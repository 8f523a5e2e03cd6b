// f32 products of plain matrices: who computes which shape, and how the work is split. Internal to tensor/ops; matmul.h
// is the face, which has checked shapes and types.
#pragma once

#include "tensor/kernels/table.h"

namespace pith::ops {

/// A row-major matrix, or its transpose: element (i, j) of op(A) is data[i * row + j * column].
struct Matrix {
  const float* data = nullptr;
  int64_t row = 0, column = 1;
};

/// c [m, n], contiguous, = a [m, k] b [k, n]. a and b each have contiguous rows or contiguous columns.
void gemm(const KernelTable& table, const Matrix& a, const Matrix& b, float* c, int64_t m, int64_t k, int64_t n);

}  // namespace pith::ops
