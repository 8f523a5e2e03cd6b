#include "nn/fold.h"

#include <cmath>
#include <vector>

#include "nn/layers/stage.h"
#include "tensor/error.h"

namespace pith::nn {
namespace {

Tensor as_type(const std::vector<double>& values, const Shape& shape, DType dtype) {
  return Tensor::from(values, shape).to(dtype);
}

void fold(Conv2d& conv, BatchNorm2d& norm) {
  const Shape shape = conv.weight().shape();
  const DType dtype = conv.weight().value().dtype();
  const size_t channels = static_cast<size_t>(shape[0]);
  std::vector<double> weight = conv.weight().value().to_vector<double>();
  const std::vector<double> gamma = norm.weight().value().to_vector<double>();
  const std::vector<double> beta = norm.bias().value().to_vector<double>();
  const std::vector<double> mean = norm.running_mean().to_vector<double>();
  const std::vector<double> variance = norm.running_var().to_vector<double>();
  if (gamma.size() != channels)
    throw ShapeError("fold_batch_norm: " + std::to_string(gamma.size()) + " channels of " + norm.name() +
                     " do not fit weight " + text(shape) + " of " + conv.name());
  std::vector<double> bias(channels, 0);
  if (conv.bias() != nullptr) bias = conv.bias()->value().to_vector<double>();
  const size_t each = channels == 0 ? 0 : weight.size() / channels;
  for (size_t k = 0; k < channels; ++k) {
    const double scale = gamma[k] / std::sqrt(variance[k] + norm.epsilon());
    for (size_t i = 0; i < each; ++i) weight[k * each + i] *= scale;
    bias[k] = scale * (bias[k] - mean[k]) + beta[k];
  }
  conv.weight().load(as_type(weight, shape, dtype));
  conv.set_bias(as_type(bias, {shape[0]}, dtype));
  norm.become_identity();
}

}  // namespace

int64_t fold_batch_norm(Module& model) {
  model.set_training(false);
  int64_t folded = 0;
  model.visit_modules([&](const std::string&, Module& m) {
    const auto* const staged = dynamic_cast<Staged*>(&m);
    if (staged == nullptr) return;
    for (const Stage& s : staged->stages()) {
      if (s.conv == nullptr || s.norm == nullptr || s.norm->is_identity()) continue;
      fold(*s.conv, *s.norm);
      ++folded;
    }
  });
  model.visit_modules([](const std::string&, Module& m) {
    if (auto* const conv = dynamic_cast<Conv2d*>(&m)) conv->pack();
  });
  return folded;
}

}  // namespace pith::nn
