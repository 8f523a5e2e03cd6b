// Eigen's row-major sparse matrix as a rival. Its code is compiled for the machine at hand (bench/CMakeLists.txt), as
// who wants speed from Eigen would do it.
#pragma once

#include <memory>

#include "tensor/tensor.h"

namespace pith::bench {

class EigenSparse {
 public:
  /// The elements of w [rows, cols], plain f32, that are not 0.
  explicit EigenSparse(const Tensor& w);
  ~EigenSparse();
  EigenSparse(const EigenSparse&) = delete;
  EigenSparse& operator=(const EigenSparse&) = delete;

  /// y [rows, n] = w x [cols, n], and y [cols, n] = w^T x [rows, n]; plain, contiguous. n = 1 is a vector product.
  void multiply(const float* x, float* y, int64_t n) const;
  void multiply_transposed(const float* x, float* y, int64_t n) const;

 private:
  struct Matrix;
  std::unique_ptr<Matrix> matrix_;
};

}  // namespace pith::bench
