// The only door to OpenBLAS: single-precision matrix products of plain arrays, computed in the calling thread, so that
// parallel_for decides alone who works where.
#pragma once

#include <cstdint>

namespace pith::blas {

/// c [m, n] = op(a) op(b), op a transposition if asked for: a is [m, k] or [k, m], b [k, n] or [n, k], all row-major;
/// *_row is the distance of rows in floats. Throws ShapeError where an extent does not fit the library's 32 bits.
struct Product {
  bool transpose_a = false, transpose_b = false;
  int64_t m = 0, n = 0, k = 0;
  const float* a = nullptr;
  int64_t a_row = 0;
  const float* b = nullptr;
  int64_t b_row = 0;
  float* c = nullptr;
  int64_t c_row = 0;
};
void multiply(const Product& p);

}  // namespace pith::blas
