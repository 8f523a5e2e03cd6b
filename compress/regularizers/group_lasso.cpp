#include "compress/regularizers/group_lasso.h"

#include <cmath>

#include "compress/pruners/structure_threshold.h"
#include "compress/regularizers/strength.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

/// A penalty's gradient where it is `factor` of its group times w.
Tensor scaled(const Tensor& w, const Groups& groups, const std::vector<double>& factors) {
  Tensor gradient = Tensor::empty(w.shape());
  const float* const x = w.data<float>();
  float* const g = gradient.mutable_data<float>();
  for (int64_t i = 0; i < w.numel(); ++i)
    g[i] = static_cast<float>(factors[static_cast<size_t>(groups.of(i))] * static_cast<double>(x[i]));
  return gradient;
}

}  // namespace

Penalty group_lasso(const Tensor& w, const Groups& groups, double strength, double floor) {
  check_strength("group lasso", w, strength);
  std::vector<double> norms = group_norms(w, groups, Norm::l2);
  double sum = 0;
  for (double& n : norms) {
    const double norm = floor > 0 ? std::sqrt(n * n + floor) : n;
    sum += norm;
    n = norm > 0 ? strength / norm : 0;
  }
  return {strength * sum, scaled(w, groups, norms)};
}

Mask group_lasso_threshold(const Tensor& w, const Groups& groups, double strength, Norm norm) {
  return prune_groups_below(w, groups, norm, strength);
}

Penalty group_variance(const Tensor& w, const Groups& groups, double strength) {
  check_strength("group variance", w, strength);
  std::vector<double> norms = group_norms(w, groups, Norm::l2);
  if (norms.size() < 2) throw ShapeError("group variance: " + text(w.shape()) + " has one group; a variance wants two");
  const Moments m = moments(norms);
  const double variance = m.deviation * m.deviation;
  if (!(variance > 0)) throw NumericError("group variance: all groups have the same norm, the penalty is infinite");
  // d(1/v)/dw = -1/v^2 dv/dn dn/dw, with dv/dn = 2 (n - mean) / (count - 1) and dn/dw = w / n.
  const double outer = -strength / (variance * variance) * 2 / (static_cast<double>(norms.size()) - 1);
  for (double& n : norms) n = n > 0 ? outer * (n - m.mean) / n : 0;
  return {strength / variance, scaled(w, groups, norms)};
}

}  // namespace pith::compress
