#include "autograd/ops/batch_norm.h"

#include "tensor/error.h"
#include "tensor/ops/batch_norm.h"

namespace pith {
namespace {

ops::Moments running_moments(const BatchNormState& state, const Shape& x) {
  const Shape channels{x[1]};
  if (!(state.mean.shape() == channels) || !(state.variance.shape() == channels))
    throw ShapeError("batch_norm: the running statistics " + text(state.mean.shape()) + " and " +
                     text(state.variance.shape()) + " do not fit the channels of " + text(x));
  return {state.mean.to_vector<double>(), state.variance.to_vector<double>(), 0};
}

Tensor moved(const Tensor& running, const std::vector<double>& batch, double momentum, double correction) {
  std::vector<double> r = running.to_vector<double>();
  for (size_t c = 0; c < r.size(); ++c) r[c] = (1 - momentum) * r[c] + momentum * batch[c] * correction;
  return Tensor::from(r, running.shape()).to(running.dtype());
}

/// New tensors, so that nobody who holds the old ones sees a change.
void move_running(BatchNormState& state, const ops::Moments& batch, double momentum) {
  const double n = static_cast<double>(batch.count);
  state.mean = moved(state.mean, batch.mean, momentum, 1);
  state.variance = moved(state.variance, batch.variance, momentum, n / (n - 1));
}

ops::Moments moments_of(const Tensor& x, BatchNormState& state, const BatchNormOptions& options) {
  ops::Moments running = running_moments(state, x.shape());
  if (!options.training) return running;
  if (x.shape()[1] > 0 && x.numel() / x.shape()[1] < 2)
    throw ShapeError("batch_norm: training needs at least two elements a channel, here is " + text(x.shape()));
  return options.moments != nullptr && options.moments->count > 0 ? *options.moments : ops::batch_moments(x);
}

/// d mean / dx = 1 / n and d variance / dx = 2 (x - mean) / n: one multiplication and one addition an element.
ops::Normalization statistics_gradient(const ops::Moments& m, const std::vector<double>& by_statistics) {
  const size_t channels = m.mean.size();
  const double n = static_cast<double>(m.count);
  ops::Normalization g;
  for (size_t c = 0; c < channels; ++c) {
    g.scale.push_back(2 * by_statistics[channels + c] / n);
    g.shift.push_back(by_statistics[c] / n - g.scale[c] * m.mean[c]);
  }
  return g;
}

}  // namespace

Variable batch_statistics(const Variable& x) {
  const Tensor input = x.value();
  ops::Moments m = ops::batch_moments(input);
  std::vector<double> both = m.mean;
  both.insert(both.end(), m.variance.begin(), m.variance.end());
  const Tensor y = Tensor::from(both, {2, input.shape()[1]}).to(input.dtype());
  return record("batch_statistics", y, {x}, [input, m = std::move(m)](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return ops::normalize(input, statistics_gradient(m, dy.to_vector<double>()), {}); });
  });
}

Variable batch_norm(const Variable& x, const Variable& gamma, const Variable& beta, BatchNormState& state,
                    const BatchNormOptions& options, const Variable& residual) {
  const Tensor input = x.value();
  if (input.shape().rank() != 2 && input.shape().rank() != 4)
    throw ShapeError("batch_norm: wants x [n, c, h, w] or [n, c], here is " + text(input.shape()));
  const ops::Moments moments = moments_of(input, state, options);
  const Tensor weight = gamma.value();
  const ops::Normalization norm = ops::make_normalization(moments, weight, beta.value(), options.epsilon, options.relu);
  Tensor y = ops::normalize(input, norm, residual.defined() ? residual.value() : Tensor());
  if (options.training) move_running(state, moments, options.momentum);
  std::vector<Variable> inputs{x, gamma, beta};
  if (residual.defined()) inputs.push_back(residual);
  const bool joined = residual.defined(), batch = options.training;
  const Tensor result = joined && options.relu ? y : Tensor();  // without a residual x tells the sign again
  return record("batch_norm", std::move(y), std::move(inputs), [=](const ops::GradientParts& dy, Gradients& into) {
    ops::NormGradients g = ops::normalize_gradient(input, result, dy, norm, weight, batch, joined && into.wants(3));
    into.add(0, [&] { return std::move(g.x); });
    into.add(1, [&] { return std::move(g.gamma); });
    into.add(2, [&] { return std::move(g.beta); });
    if (joined) into.add(3, [&] { return std::move(g.residual); });
  });
}

}  // namespace pith
