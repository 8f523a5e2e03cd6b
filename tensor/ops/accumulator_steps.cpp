#include "tensor/ops/accumulator_steps.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "tensor/error.h"
#include "tensor/ops/floating.h"
#include "tensor/ops/nearest.h"

namespace pith::ops {
namespace {

constexpr int kHalvings = 7;  ///< from a factor of 2 to one of 2^(1/128)

/// Can a sum of this row leave the accumulator?
class Row {
 public:
  Row(std::span<const float> w, double bias, const WeightLevels& levels, const SumLimits& limits)
      : w_(w), bias_(bias), levels_(levels), limits_(limits) {}

  bool fits(float step) const {
    const float low = static_cast<float>(levels_.lowest), high = static_cast<float>(levels_.highest);
    int64_t sum = 0, size = 0;
    for (const float v : w_) {
      const int32_t q = static_cast<int32_t>(nearest(std::min(high, std::max(low, v / step))));
      sum += q, size += std::abs(q);
    }
    const double up = static_cast<double>(size + sum) / 2, down = static_cast<double>(size - sum) / 2;
    const double products = std::max(up * limits_.above + down * limits_.below,  //
                                     up * limits_.below + down * limits_.above);
    return bias_units(step) + products <= std::exp2(limits_.bits - 1) - 1;
  }

 private:
  double bias_units(double step) const {
    if (limits_.x_step == 0) return 0;
    return std::nearbyint(std::min(std::abs(bias_) / (limits_.x_step * step), kMostBias));
  }
  std::span<const float> w_;
  double bias_;
  const WeightLevels& levels_;
  const SumLimits& limits_;
};

float fitting_step(const Row& row, float step) {
  if (row.fits(step)) return step;
  float low = step, high = step;
  do {
    low = high;
    high *= 2;
    if (!std::isfinite(high))
      throw NumericError("accumulator_steps: weights and biases that are no numbers fit no sum");
  } while (!row.fits(high));
  for (int i = 0; i < kHalvings; ++i) {
    const float middle = low * std::sqrt(high / low);
    (row.fits(middle) ? high : low) = middle;
  }
  return high;
}

}  // namespace

Tensor accumulator_steps(const Tensor& w, const Tensor& step, const Tensor& bias, const WeightLevels& levels,
                         const SumLimits& limits) {
  if (w.shape().rank() < 1) throw ShapeError("accumulator_steps: wants [k, ...], here is " + text(w));
  const Shape rows{w.shape()[0]};
  check_shape("accumulator_steps", "step", step, rows);
  check_shape("accumulator_steps", "bias", bias, rows);
  if (levels.rule != LevelRule::nearest && levels.rule != LevelRule::tanh)
    throw ArgumentError("accumulator_steps: the whole numbers of this rule do not shrink as steps grow");
  if (limits.bits < 2 || limits.bits > 32)
    throw ArgumentError("accumulator_steps: takes 2 to 32 bits, not " + std::to_string(limits.bits));
  std::vector<float> all = w.to_vector<float>(), wide = step.to_vector<float>();
  const std::vector<float> b = bias.to_vector<float>();
  if (levels.rule == LevelRule::tanh)
    for (float& v : all) v = std::tanh(v);
  const size_t each = wide.empty() ? 0 : all.size() / wide.size();
  for (size_t k = 0; k < wide.size(); ++k)
    wide[k] = fitting_step(Row(std::span(all).subspan(k * each, each), b[k], levels, limits), wide[k]);
  return Tensor::from(wide, rows);
}

}  // namespace pith::ops
