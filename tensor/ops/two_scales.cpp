#include "tensor/ops/two_scales.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tensor/error.h"
#include "tensor/ops/floating.h"
#include "tensor/ops/nearest.h"

namespace pith::ops {
namespace {

constexpr double kShare = 0.05;  ///< of the largest |w| (Zhu et al. 2017, equation 9)

using Numbers = std::vector<double>;

/// Which scale each weight bears: 1 for up, -1 for down, 0 for none.
std::vector<int> signs(const Numbers& w) {
  double largest = 0;
  for (const double v : w) largest = std::max(largest, std::abs(v));
  std::vector<int> all;
  for (const double v : w) all.push_back(std::abs(v) <= kShare * largest ? 0 : v > 0 ? 1 : -1);
  return all;
}

size_t row_length(const Tensor& w) {
  if (w.shape().rank() < 1 || w.shape()[0] < 1) throw ShapeError("two_scales: wants [k, ...], here is " + text(w));
  return static_cast<size_t>(w.numel() / w.shape()[0]);
}

Tensor like(const Tensor& w, const Numbers& values, const Shape& shape) {
  return Tensor::from(values, shape).to(w.dtype());
}

double nearest_level(double scale, double step, double highest) { return nearest(std::min(scale / step, highest)); }

}  // namespace

TwoScales first_scales(const Tensor& w) {
  const size_t each = row_length(w);
  const Numbers values = w.to_vector<double>();
  const std::vector<int> sign = signs(values);
  Numbers up, down;
  for (size_t from = 0; from < values.size(); from += each) {
    double sum[3] = {0, 0, 0}, count[3] = {0, 0, 0};  // down, none, up
    for (size_t i = from; i < from + each; ++i) {
      const size_t of = static_cast<size_t>(sign[i] + 1);
      sum[of] += std::abs(values[i]), ++count[of];
    }
    const double mean = (sum[0] + sum[1] + sum[2]) / static_cast<double>(each);
    up.push_back(count[2] > 0 ? sum[2] / count[2] : mean);
    down.push_back(count[0] > 0 ? sum[0] / count[0] : mean);
  }
  const Shape rows{w.shape()[0]};
  return {like(w, up, rows), like(w, down, rows)};
}

Tensor two_scale_steps(const TwoScales& s, double highest) {
  check_floating("two_scale_steps", s.up, s.down);
  Numbers steps = s.up.to_vector<double>();
  const Numbers down = s.down.to_vector<double>();
  for (size_t k = 0; k < steps.size(); ++k) steps[k] = std::max(steps[k], down[k]) / highest;
  return like(s.up, steps, s.up.shape());
}

Tensor two_scale_levels(const Tensor& w, const TwoScales& s, const Tensor& step, double highest) {
  const size_t each = row_length(w);
  for (const Tensor& t : {s.up, s.down, step}) {
    check_floating("two_scale_levels", w, t);
    check_shape("two_scale_levels", "a scale", t, {w.shape()[0]});
  }
  const Numbers up = s.up.to_vector<double>(), down = s.down.to_vector<double>(), steps = step.to_vector<double>();
  const std::vector<int> sign = signs(w.to_vector<double>());
  Numbers q(sign.size());
  for (size_t k = 0; k < steps.size(); ++k) {
    const double high = nearest_level(up[k], steps[k], highest), low = -nearest_level(down[k], steps[k], highest);
    for (size_t i = k * each; i < (k + 1) * each; ++i) q[i] = sign[i] > 0 ? high : sign[i] < 0 ? low : 0;
  }
  return like(w, q, w.shape());
}

TwoScaleGradients two_scale_gradient(const Tensor& w, const Tensor& step, const Tensor& dq) {
  const size_t each = row_length(w);
  const Numbers steps = step.to_vector<double>();
  const std::vector<int> sign = signs(w.to_vector<double>());
  Numbers d = to_plain(dq).to_vector<double>(), up(steps.size()), down(steps.size());
  for (size_t k = 0; k < steps.size(); ++k)
    for (size_t i = k * each; i < (k + 1) * each; ++i) {
      d[i] /= steps[k];
      if (sign[i] > 0) up[k] += d[i];
      if (sign[i] < 0) down[k] -= d[i];
    }
  return {like(w, d, w.shape()), like(w, up, step.shape()), like(w, down, step.shape())};
}

}  // namespace pith::ops
