#include "bench/rivals_eigen.h"

#include <Eigen/Sparse>
#include <vector>

namespace pith::bench {
namespace {

using Dense = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXf;

}  // namespace

struct EigenSparse::Matrix {
  Eigen::SparseMatrix<float, Eigen::RowMajor> kept;
};

EigenSparse::EigenSparse(const Tensor& w) : matrix_(std::make_unique<Matrix>()) {
  const int64_t rows = w.shape()[0], cols = w.shape()[1];
  std::vector<Eigen::Triplet<float>> kept;
  for (int64_t i = 0; i < w.numel(); ++i)
    if (const float v = w.data<float>()[i]; v != 0)
      kept.emplace_back(static_cast<int>(i / cols), static_cast<int>(i % cols), v);
  matrix_->kept.resize(rows, cols);
  matrix_->kept.setFromTriplets(kept.begin(), kept.end());
  matrix_->kept.makeCompressed();
}

EigenSparse::~EigenSparse() = default;

void EigenSparse::multiply(const float* x, float* y, int64_t n) const {
  const auto& w = matrix_->kept;
  if (n == 1) {
    Eigen::Map<Vector>(y, w.rows()).noalias() = w * Eigen::Map<const Vector>(x, w.cols());
    return;
  }
  Eigen::Map<Dense>(y, w.rows(), n).noalias() = w * Eigen::Map<const Dense>(x, w.cols(), n);
}

void EigenSparse::multiply_transposed(const float* x, float* y, int64_t n) const {
  const auto& w = matrix_->kept;
  Eigen::Map<Dense>(y, w.cols(), n).noalias() = w.transpose() * Eigen::Map<const Dense>(x, w.rows(), n);
}

}  // namespace pith::bench
