#include "tensor/blas.h"

#include <cblas.h>

#include <limits>

#include "tensor/error.h"

namespace pith::blas {
namespace {

blasint narrow(int64_t extent) {
  if (extent > std::numeric_limits<blasint>::max())
    throw ShapeError("matmul: an extent of " + std::to_string(extent) + " does not fit OpenBLAS's integers");
  return static_cast<blasint>(extent);
}

/// Once: its own threads would fight with ours, and their number would decide the order of its sums.
void use_one_thread() {
  static const bool done = [] {
    openblas_set_num_threads(1);
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace

void multiply(const Product& p) {
  use_one_thread();
  cblas_sgemm(CblasRowMajor, p.transpose_a ? CblasTrans : CblasNoTrans, p.transpose_b ? CblasTrans : CblasNoTrans,
              narrow(p.m), narrow(p.n), narrow(p.k), 1.0f, p.a, narrow(p.a_row), p.b, narrow(p.b_row), 0.0f, p.c,
              narrow(p.c_row));
}

}  // namespace pith::blas
