#include "autograd/ops/quantize.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tensor/error.h"
#include "tensor/ops/accumulator_steps.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/floating.h"
#include "tensor/ops/quantized.h"
#include "tensor/ops/reduce.h"
#include "tensor/ops/two_scales.h"

namespace pith {
namespace {

using Numbers = std::vector<double>;

Numbers numbers(const Variable& v) { return v.value().to_vector<double>(); }
Tensor tensor(const Numbers& values, DType dtype) { return Tensor::from(values, Shape{std::ssize(values)}).to(dtype); }

void check_steps(const char* op, const Variable& x_step, const Variable& w_step) {
  ops::check_shape(op, "x_step", x_step.value(), {1});
  if (w_step.shape().rank() != 1)
    throw ShapeError(std::string(op) + ": w_step is [k], here is " + text(w_step.shape()));
}

ops::Requantization requantization(const Variable& bias, const Variable& scale, const Variable& residual,
                                   const Variable& residual_scale, const RequantizationLimits& limits) {
  const bool adds = residual.defined();
  return {.bias = bias.value(),
          .scale = scale.value(),
          .residual = adds ? residual.value() : Tensor(),
          .residual_scale = adds ? residual_scale.value() : Tensor(),
          .lowest = limits.lowest,
          .highest = limits.highest,
          .rounds = limits.rounds};
}

std::vector<Variable> operands(const Variable& sums, const Variable& bias, const Variable& scale,
                               const Variable& residual, const Variable& residual_scale) {
  std::vector<Variable> all{sums, bias, scale};
  if (residual.defined()) all.push_back(residual), all.push_back(residual_scale);
  return all;
}

/// Into operands(), in their order.
void add_gradients(const ops::Requantization& r, const ops::RequantizationGradients& d, Gradients& into) {
  into.add(0, [&] { return d.sums; });
  into.add(1, [&] { return d.bias; });
  into.add(2, [&] { return d.scale; });
  if (!r.residual.defined()) return;
  into.add(3, [&] { return d.residual; });
  into.add(4, [&] { return d.residual_scale; });
}

/// Sum of dy y over what the clamp let pass: the gradient of the sums is scale dy there, and 0 elsewhere.
double passed(const Tensor& by_sums, const Tensor& y, const Tensor& scale) {
  Shape channels{1, y.shape()[1]};
  if (y.shape().rank() == 4) channels = {1, y.shape()[1], 1, 1};
  const Numbers products = ops::sum_to(ops::mul(by_sums, y), channels).to_vector<double>();
  const Numbers m = scale.to_vector<double>();
  double total = 0;
  for (size_t k = 0; k < m.size(); ++k) total += products[k] / m[k];
  return total;
}

}  // namespace

Variable weight_levels(const Variable& w, const Variable& step, const ops::WeightLevels& levels) {
  return record("weight_levels", ops::weight_levels(w.value(), step.value(), levels), {w, step},
                [levels, weight = w.value(), steps = step.value()](const Tensor& dy, Gradients& into) {
                  const ops::WeightLevelGradients d = ops::weight_levels_gradient(weight, steps, levels, dy);
                  into.add(0, [&] { return d.w; });
                  into.add(1, [&] { return d.step; });
                });
}

Variable two_scale_levels(const Variable& w, const Variable& up, const Variable& down, const Tensor& step,
                          double highest) {
  return record("two_scale_levels", ops::two_scale_levels(w.value(), {up.value(), down.value()}, step, highest),
                {w, up, down}, [step, weight = w.value()](const Tensor& dq, Gradients& into) {
                  const ops::TwoScaleGradients d = ops::two_scale_gradient(weight, step, dq);
                  into.add(0, [&] { return d.w; });
                  into.add(1, [&] { return d.up; });
                  into.add(2, [&] { return d.down; });
                });
}

Variable requantization_scale(const Variable& x_step, const Variable& w_step, const Variable& y_step) {
  check_steps("requantization_scale", x_step, w_step);
  const double x = x_step.value().item(), y = y_step.defined() ? y_step.value().item() : 1;
  const Numbers w = numbers(w_step);
  Numbers m(w.size());
  for (size_t k = 0; k < w.size(); ++k) m[k] = x * w[k] / y;
  std::vector<Variable> inputs{x_step, w_step};
  if (y_step.defined()) inputs.push_back(y_step);
  const DType dtype = w_step.value().dtype();
  return record("requantization_scale", tensor(m, dtype), inputs, [=](const Tensor& dm, Gradients& into) {
    const Numbers up = dm.to_vector<double>();
    Numbers by_w(w.size());
    double total = 0;
    for (size_t k = 0; k < w.size(); ++k) by_w[k] = up[k] * x / y, total += up[k] * m[k];
    into.add(0, [&] { return tensor({total / x}, dtype); });
    into.add(1, [&] { return tensor(by_w, dtype); });
    if (inputs.size() > 2) into.add(2, [&] { return tensor({-total / y}, dtype); });
  });
}

Variable bias_levels(const Variable& bias, const Variable& x_step, const Variable& w_step, bool rounds) {
  check_steps("bias_levels", x_step, w_step);
  ops::check_shape("bias_levels", "bias", bias.value(), w_step.shape());
  const double x = x_step.value().item();
  const Numbers w = numbers(w_step), b = numbers(bias);
  Numbers q(b.size());
  for (size_t k = 0; k < q.size(); ++k) {
    q[k] = b[k] / (x * w[k]);
    if (rounds) q[k] = std::nearbyint(std::clamp(q[k], -ops::kMostBias, ops::kMostBias));
  }
  const DType dtype = bias.value().dtype();
  return record("bias_levels", tensor(q, dtype), {bias, x_step, w_step}, [=](const Tensor& dq, Gradients& into) {
    const Numbers up = dq.to_vector<double>();
    Numbers by_b(b.size()), by_w(b.size());
    double by_x = 0;
    for (size_t k = 0; k < b.size(); ++k) {
      const double v = b[k] / (x * w[k]);
      if (rounds && std::abs(v) > ops::kMostBias) continue;
      by_b[k] = up[k] / (x * w[k]), by_w[k] = -up[k] * v / w[k], by_x -= up[k] * v / x;
    }
    into.add(0, [&] { return tensor(by_b, dtype); });
    into.add(1, [&] { return tensor({by_x}, dtype); });
    into.add(2, [&] { return tensor(by_w, dtype); });
  });
}

Variable requantize(const Variable& sums, const Variable& bias, const Variable& scale, const Variable& residual,
                    const Variable& residual_scale, const RequantizationLimits& limits) {
  const ops::Requantization r = requantization(bias, scale, residual, residual_scale, limits);
  return record("requantize", ops::requantize(sums.value(), r), operands(sums, bias, scale, residual, residual_scale),
                [r, s = sums.value()](const ops::GradientParts& dy, Gradients& into) {
                  add_gradients(r, ops::requantize_gradient(s, r, dy), into);
                });
}

Variable requantize_pact(const Variable& sums, const Variable& bias, const Variable& scale, const Variable& residual,
                         const Variable& residual_scale, const Variable& y_step, const RequantizationLimits& limits) {
  ops::check_shape("requantize_pact", "y_step", y_step.value(), {1});
  const ops::Requantization r = requantization(bias, scale, residual, residual_scale, limits);
  const Tensor y = ops::requantize(sums.value(), r);
  std::vector<Variable> inputs = operands(sums, bias, scale, residual, residual_scale);
  inputs.push_back(y_step);
  const double step = y_step.value().item();
  return record("requantize_pact", y, inputs, [=, s = sums.value()](const ops::GradientParts& dy, Gradients& into) {
    const ops::RequantizationGradients d = ops::requantize_gradient(s, r, dy);
    add_gradients(r, d, into);
    into.add(inputs.size() - 1, [&] { return tensor({-passed(d.sums, y, r.scale) / step}, y.dtype()); });
  });
}

Variable positive_step(const Variable& x, double factor) {
  const Numbers v = numbers(x);
  Numbers y(v.size());
  for (size_t i = 0; i < v.size(); ++i) y[i] = std::max(std::abs(v[i]), 1e-10);
  const DType dtype = x.value().dtype();
  return record("positive_step", tensor(y, dtype), {x}, [=](const Tensor& dy, Gradients& into) {
    into.add(0, [&] {
      Numbers d = dy.to_vector<double>();
      for (size_t i = 0; i < d.size(); ++i) d[i] *= v[i] < 0 ? -factor : factor;
      return tensor(d, dtype);
    });
  });
}

Variable widened(const Variable& x, const Tensor& wide) {
  ops::check_shape("widened", "wide", wide, x.shape());
  return record("widened", wide, {x}, [before = numbers(x), wide](const Tensor& dy, Gradients& into) {
    into.add(0, [&] {
      Numbers d = dy.to_vector<double>();
      const Numbers after = wide.to_vector<double>();
      for (size_t k = 0; k < d.size(); ++k)
        if (after[k] != before[k]) d[k] = 0;
      return tensor(d, dy.dtype());
    });
  });
}

Variable grid_levels(const Variable& x, float scale, int32_t zero_point, int32_t highest) {
  const int64_t halo = x.shape().rank() == 4 ? 1 : 0;
  ops::QuantizedTensor q = ops::quantize(x.value(), scale, zero_point, halo, kernels(), highest);
  q.scale = 1;
  return record("grid_levels", ops::dequantize(q), {x}, [scale](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return ops::mul(dy, Tensor::full({1}, 1.0f / scale)); });
  });
}

}  // namespace pith
