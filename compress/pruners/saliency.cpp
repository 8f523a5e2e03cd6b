#include "compress/pruners/saliency.h"

#include <cmath>

#include "tensor/error.h"

namespace pith::compress {

std::vector<double> weight_times_gradient(const Tensor& w, const Tensor& gradient) {
  if (!(w.shape() == gradient.shape()))
    throw ShapeError("saliency: the derivative " + text(gradient.shape()) + " does not fit the weight " +
                     text(w.shape()));
  std::vector<double> scores = w.to_vector<double>();
  const std::vector<double> g = gradient.to_vector<double>();
  for (size_t i = 0; i < scores.size(); ++i) scores[i] *= g[i];
  return scores;
}

std::vector<double> snip_scores(const Tensor& w, const Tensor& gradient) {
  std::vector<double> scores = weight_times_gradient(w, gradient);
  for (double& s : scores) s = std::abs(s);
  return scores;
}

std::vector<double> grasp_scores(const Tensor& w, const Tensor& curvature) {
  return weight_times_gradient(w, curvature);
}

Tensor hessian_times_gradient(const Tensor& here, const Tensor& there, double step) {
  if (!(here.shape() == there.shape()))
    throw ShapeError("saliency: the gradients " + text(here.shape()) + " and " + text(there.shape()) +
                     " are not of one weight");
  if (!(std::abs(step) > 0)) throw ArgumentError("saliency: a difference of gradients needs a step other than 0");
  std::vector<double> a = here.to_vector<double>();
  const std::vector<double> b = there.to_vector<double>();
  for (size_t i = 0; i < a.size(); ++i) a[i] = (b[i] - a[i]) / step;
  return Tensor::from(a, here.shape()).to(here.dtype());
}

void add_movement(std::vector<double>& scores, const Tensor& w, const Tensor& gradient) {
  const std::vector<double> products = weight_times_gradient(w, gradient);
  if (scores.size() != products.size())
    throw ShapeError("saliency: " + std::to_string(scores.size()) + " movement scores for a weight " + text(w.shape()));
  for (size_t i = 0; i < scores.size(); ++i) scores[i] -= products[i];
}

}  // namespace pith::compress
