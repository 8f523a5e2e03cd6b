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
///
/// It begins with the first batch. The scale and shift of a batch norm that was there before go on, so that every
/// channel keeps the mean and deviation that it had among real weights, however few bits they are left with; where
/// there was none, the first batch sets scale and bias so that they undo its own statistics.
class TrainingNorm {
 public:
  /// What it learns and remembers belongs to a module: scale and bias [k]; the running mean and variance [k], and
  /// whether it has begun [1] (0: not yet).
  struct State {
    Parameter &scale, &bias;
    Tensor &mean, &variance, &begun;
  };
  TrainingNorm() = default;
  /// first_bias: [k], what is added until it begins. scale and shift: [k], of the batch norm before, which become those
  /// of `state`; both undefined where there was none.
  TrainingNorm(const State& state, const Tensor& first_bias, const Tensor& scale, const Tensor& shift);

  bool exists() const { return scale_ != nullptr; }
  /// In training: the statistics of sums, whole numbers in units of x_step [1] w_step [k], which are f32 [n, k, h, w];
  /// moves the running ones by a tenth. Two elements a channel at least: ShapeError otherwise.
  FoldedNorm fold(const Variable& sums, const Variable& x_step, const Variable& w_step);
  /// In evaluation: the running statistics.
  FoldedNorm fold(const Variable& w_step) const;

  /// What it goes on with, [k]; undefined where nothing was there before and no batch has been yet.
  Tensor scale() const { return goes_on_ || has_begun() ? scale_->value().clone() : Tensor(); }
  Tensor shift() const { return goes_on_ || has_begun() ? bias_->value().clone() : Tensor(); }

 private:
  bool has_begun() const { return begun_->item() != 0; }
  FoldedNorm folded(const Variable& w_step, const Variable& mean, const Variable& variance) const;
  void move_running(const Tensor& mean, const Tensor& variance);
  void undo(const Tensor& mean, const Tensor& variance);

  bool goes_on_ = false;  ///< from a batch norm that was there before
  Tensor first_bias_;
  Parameter *scale_ = nullptr, *bias_ = nullptr;
  Tensor *mean_ = nullptr, *variance_ = nullptr, *begun_ = nullptr;
};

}  // namespace pith::nn
