#include "compress/schedule/curvature.h"

#include <cmath>

#include "compress/pruners/saliency.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

constexpr double kShareOfNorm = 1e-3;

double square_sum(const Tensor& t) {
  double sum = 0;
  for (const double v : t.to_vector<double>()) sum += v * v;
  return sum;
}

void move_along(Tensor& w, const Tensor& g, double step) {
  float* const to = w.mutable_data<float>();
  const std::vector<float> from = g.to_vector<float>();
  for (size_t i = 0; i < from.size(); ++i) to[i] = static_cast<float>(to[i] + step * static_cast<double>(from[i]));
}

}  // namespace

std::vector<Tensor> curvature_of(std::span<const Bound> parameters, nn::Module& model,
                                 const std::function<void()>& recompute) {
  std::vector<Tensor> weights, here, products;
  double weight_square = 0, gradient_square = 0;
  for (const Bound& b : parameters) {
    if (!b.parameter->gradient().defined()) throw ArgumentError("curvature: " + b.name + " has no gradient");
    weights.push_back(b.parameter->value().clone());
    here.push_back(b.parameter->gradient().clone());
    weight_square += square_sum(weights.back());
    gradient_square += square_sum(here.back());
  }
  std::vector<std::pair<nn::Parameter*, Tensor>> all;
  model.visit_parameters([&](const std::string&, nn::Parameter& p) {
    if (p.gradient().defined()) all.emplace_back(&p, p.gradient().clone());
  });
  const double step = gradient_square > 0 ? kShareOfNorm * std::sqrt(weight_square / gradient_square) : 1;
  for (size_t i = 0; i < parameters.size(); ++i) move_along(parameters[i].parameter->mutable_value(), here[i], step);
  recompute();
  for (size_t i = 0; i < parameters.size(); ++i) {
    nn::Parameter& p = *parameters[i].parameter;
    products.push_back(hessian_times_gradient(here[i], p.gradient().contiguous(), step));
    p.mutable_value().copy_from(weights[i]);
  }
  for (auto& [parameter, gradient] : all) parameter->set_gradient(gradient);
  return products;
}

}  // namespace pith::compress
