#include "autograd/gradcheck.h"

#include <cmath>

#include "tensor/ops/elementwise.h"
#include "tensor/ops/reduce.h"
#include "tensor/random.h"

namespace pith {
namespace {

std::vector<Variable> leaves(const std::vector<Tensor>& inputs, bool gradients) {
  std::vector<Variable> out;
  for (const Tensor& t : inputs) out.emplace_back(t, gradients);
  return out;
}

/// sum(direction * f(inputs)) without a graph.
double project(const DifferentiableFunction& f, const std::vector<Tensor>& inputs) {
  const NoGradient off;
  const Tensor y = f(leaves(inputs, false)).value();
  return ops::sum(ops::mul(to_plain(y), output_direction(y.shape(), y.dtype()))).item();
}

std::string disagreement(size_t input, int64_t element, double slope, double gradient) {
  return "input " + std::to_string(input) + ", element " + std::to_string(element) + ": values rise by " +
         std::to_string(slope) + ", the gradient says " + std::to_string(gradient);
}

}  // namespace

Tensor output_direction(const Shape& shape, DType dtype) {
  Tensor t = Tensor::empty(shape, DType::f64);
  fill_uniform(t, -1, 1, {.seed = 77, .purpose = Purpose::test});
  double* const p = t.mutable_data<double>();
  for (int64_t i = 0; i < t.numel(); ++i) p[i] += p[i] < 0 ? -0.25 : 0.25;
  return t.to(dtype);
}

std::string gradcheck(const DifferentiableFunction& f, const std::vector<Tensor>& inputs,
                      const GradcheckOptions& options) {
  const std::vector<Variable> xs = leaves(inputs, true);
  const Variable y = f(xs);
  y.backward(output_direction(y.shape(), y.value().dtype()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::vector<double> gradient(static_cast<size_t>(inputs[i].numel()), 0.0);  // none came: the function ignores it
    if (xs[i].gradient().defined()) gradient = xs[i].gradient().to_vector<double>();
    for (int64_t k = 0; k < inputs[i].numel(); ++k) {
      std::vector<Tensor> moved = inputs;
      moved[i] = Tensor::empty(inputs[i].shape(), DType::f64);
      moved[i].copy_from(inputs[i]);
      double& element = moved[i].mutable_data<double>()[k];
      const double at = element;
      element = at + options.epsilon;
      const double above = project(f, moved);
      element = at - options.epsilon;
      const double slope = (above - project(f, moved)) / (2 * options.epsilon);
      const double found = gradient[static_cast<size_t>(k)];
      if (!(std::abs(slope - found) <= options.absolute + options.relative * std::abs(slope)))
        return disagreement(i, k, slope, found);
    }
  }
  return "";
}

}  // namespace pith
