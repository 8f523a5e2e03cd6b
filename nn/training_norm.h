// Batch norm while a layer trains in whole numbers. It is folded anew in every pass (Krishnamoorthi 2018,
// section 3.2.2; Jacob et al. 2018, section 3.2): its statistics and parameters become part of the step of the layer's
// weights and of its bias, so that the layer stays what integer inference computes. Weights keep their levels, whatever
// the statistics.
#pragma once

#include "nn/module.h"

namespace pith::nn {

/// What a layer's sums count in, and what is added to them, with batch norm in both: [k].
struct FoldedNorm {
  Variable w_step, bias;
};

/// The norm behind a convolution: (s - mean) scale / sqrt(variance + 1e-5) + bias, s being real numbers without bias.
/// It begins as nothing: the first batch sets scale and bias so that they undo its own statistics, whatever batch norm
/// was there before has been folded into the weights.
class TrainingNorm {
 public:
  TrainingNorm() = default;
  /// What it learns and remembers belongs to a module: scale and bias [k]; the running mean and variance [k], and
  /// whether it has begun [1] (0: not yet).
  TrainingNorm(Parameter& scale, Parameter& bias, Tensor& mean, Tensor& variance, Tensor& begun)
      : scale_(&scale), bias_(&bias), mean_(&mean), variance_(&variance), begun_(&begun) {}

  bool exists() const { return scale_ != nullptr; }
  /// In training: the statistics of sums, whole numbers in units of x_step [1] w_step [k], which are f32 [n, k, h, w];
  /// moves the running ones by a tenth. Two elements a channel at least: ShapeError otherwise.
  FoldedNorm fold(const Variable& sums, const Variable& x_step, const Variable& w_step);
  /// In evaluation: the running statistics.
  FoldedNorm fold(const Variable& w_step) const;

 private:
  FoldedNorm folded(const Variable& w_step, const Variable& mean, const Variable& variance) const;
  void move_running(const Tensor& mean, const Tensor& variance);

  Parameter *scale_ = nullptr, *bias_ = nullptr;
  Tensor *mean_ = nullptr, *variance_ = nullptr, *begun_ = nullptr;
};

}  // namespace pith::nn
