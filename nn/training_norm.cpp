#include "nn/training_norm.h"

#include <vector>

#include "autograd/ops/arithmetic.h"
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/quantize.h"
#include "autograd/ops/shape.h"
#include "tensor/error.h"
#include "tensor/ops/elementwise.h"

namespace pith::nn {
namespace {

constexpr double kEpsilon = 1e-5, kMomentum = 0.1;

Variable deviation(const Variable& variance) { return power(affine(variance, 1, kEpsilon), 0.5); }

Tensor moved(const Tensor& running, const Tensor& batch) {
  std::vector<float> r = running.to_vector<float>();
  const std::vector<float> b = batch.to_vector<float>();
  for (size_t k = 0; k < r.size(); ++k) r[k] = static_cast<float>((1 - kMomentum) * r[k] + kMomentum * b[k]);
  return Tensor::from(r, running.shape());
}

}  // namespace

TrainingNorm::TrainingNorm(const State& state, const Tensor& first_bias, const Tensor& scale, const Tensor& shift)
    : goes_on_(scale.defined()),
      first_bias_(first_bias.clone()),
      scale_(&state.scale),
      bias_(&state.bias),
      mean_(&state.mean),
      variance_(&state.variance),
      begun_(&state.begun) {
  if (!goes_on_) return;
  scale_->load(scale);
  bias_->load(shift);
}

FoldedNorm TrainingNorm::folded(const Variable& w_step, const Variable& mean, const Variable& variance) const {
  const Variable factor = div(positive_step(scale_->variable(), 1), deviation(variance));
  return {mul(w_step, factor), sub(bias_->variable(), mul(mean, factor))};
}

void TrainingNorm::move_running(const Tensor& mean, const Tensor& variance) {
  if (has_begun()) {
    *mean_ = moved(*mean_, mean), *variance_ = moved(*variance_, variance);
    return;
  }
  *begun_ = Tensor::full({1}, 1);
  *mean_ = mean.clone(), *variance_ = variance.clone();
  if (!goes_on_) undo(mean, variance);
}

void TrainingNorm::undo(const Tensor& mean, const Tensor& variance) {
  const NoGradient aside;
  scale_->load(deviation(Variable(variance)).value());
  bias_->load(ops::add(bias_->value(), mean));
}

FoldedNorm TrainingNorm::fold(const Variable& sums, const Variable& x_step, const Variable& w_step) {
  const int64_t channels = w_step.shape()[0];
  if (sums.shape().numel() < 2 * channels)
    throw ShapeError("batch norm in training needs at least two elements a channel, here is " + text(sums.shape()));
  const Variable statistics = batch_statistics(sums), unit = mul(x_step, w_step);
  const Variable mean = mul(reshape(narrow(statistics, 0, 0, 1), {channels}), unit);
  const Variable variance = mul(reshape(narrow(statistics, 0, 1, 1), {channels}), mul(unit, unit));
  move_running(mean.value(), variance.value());
  return folded(w_step, mean, variance);
}

FoldedNorm TrainingNorm::fold(const Variable& w_step) const {
  if (!has_begun()) return {w_step, Variable(first_bias_)};
  return folded(w_step, Variable(*mean_), Variable(*variance_));
}

}  // namespace pith::nn
