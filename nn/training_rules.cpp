#include "nn/training_rules.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tensor/error.h"
#include "tensor/formats/quant_params.h"
#include "tensor/ops/several_signs.h"

namespace pith::nn::rules {
namespace {

constexpr double kLeastStep = 1e-10;

}  // namespace

void check_depth(const IntegerLayer& layer, const ValueQuant& x, bool is_dynamic) {
  const int64_t rows = layer.weights.shape()[0], depth = layer.weights.numel() / rows;
  const int64_t most = is_dynamic ? x.highest() : std::max(x.highest() - x.zero_point, x.zero_point);
  for (int64_t k = 0; k < rows; ++k) {
    int64_t reach = is_dynamic ? 0 : std::abs(static_cast<int64_t>(layer.bias.data<int32_t>()[k]));
    for (int64_t i = 0; i < depth; ++i) reach += most * std::abs(layer.weights.data<int8_t>()[k * depth + i]);
    if (reach > (int64_t{1} << 24))
      throw ArgumentError("quantized training: a sum of " + layer.shape.name + " can reach " + std::to_string(reach) +
                          ", more than f32 counts exactly; take fewer bits there");
  }
}

ops::WeightLevels levels_of(const IntegerLayer& layer) {
  using ops::LevelRule;
  const bool is_lsq = layer.weight_training == WeightTraining::lsq;
  if (layer.bits == 1)
    return {.lowest = -1, .highest = 1, .rule = is_lsq ? LevelRule::sign_within_step : LevelRule::sign};
  if (layer.weight_training == WeightTraining::inq)
    return {.lowest = 0, .highest = static_cast<double>(1 << (layer.bits - 2)), .rule = LevelRule::power_of_two};
  const double most = highest_level(layer.bits);
  if (layer.weight_training == WeightTraining::abc)
    return {.lowest = -most, .highest = most, .rule = LevelRule::several_signs, .signs = layer.bits};
  const LevelRule rule = layer.weight_training == WeightTraining::ternary  ? LevelRule::ternary
                         : layer.weight_training == WeightTraining::dorefa ? LevelRule::tanh
                                                                           : LevelRule::nearest;
  return {.lowest = -most, .highest = most, .rule = rule};
}

Tensor steps_of(const IntegerLayer& layer, const Tensor& w) {
  const Shape channels{w.shape()[0]};
  switch (layer.weight_training) {
    case WeightTraining::ternary:
      return ops::ternary_steps(w);
    case WeightTraining::binary:
      return ops::mean_steps(w);
    case WeightTraining::abc:
      return ops::several_sign_steps(w, layer.bits, static_cast<int64_t>(levels_of(layer).highest));
    case WeightTraining::dorefa:
      if (layer.bits > 1) return ops::tanh_steps(w, levels_of(layer).highest);
      return Tensor::full(channels, ops::mean_steps(w.view({1, w.numel()})).item());
    case WeightTraining::wrpn:
    case WeightTraining::inq:
    case WeightTraining::lsq:
    case WeightTraining::ttq:
      break;
  }
  return Tensor::from(layer.weight_scale, channels);
}

Tensor wide_enough(const Tensor& steps, const Tensor& bias, const Variable& x_step) {
  std::vector<float> wide = steps.to_vector<float>();
  const std::vector<float> b = bias.to_vector<float>();
  for (size_t k = 0; k < wide.size(); ++k) {
    const double least = x_step.defined() ? std::abs(b[k]) / (ops::kMostBias * x_step.value().item()) : 0;
    wide[k] = std::max(wide[k], static_cast<float>(std::max(least, kLeastStep)));
  }
  return Tensor::from(wide, steps.shape());
}

ops::SumLimits limits_of(const IntegerLayer& layer, const ValueQuant& x, const Variable& x_step) {
  if (!x_step.defined()) return {.above = static_cast<double>(x.highest()), .bits = layer.accumulator};
  return {.above = static_cast<double>(x.highest() - x.zero_point),
          .below = static_cast<double>(x.zero_point),
          .x_step = x_step.value().item(),
          .bits = layer.accumulator};
}

Tensor scaled_rows(const Tensor& w, const Tensor& from, const Tensor& to) {
  std::vector<float> rows = w.to_vector<float>();
  const std::vector<float> a = from.to_vector<float>(), b = to.to_vector<float>();
  const size_t each = rows.size() / a.size();
  for (size_t i = 0; i < rows.size(); ++i)
    if (a[i / each] != b[i / each]) rows[i] *= b[i / each] / a[i / each];
  return Tensor::from(rows, w.shape());
}

RangeTracker tracker_of(const Tensor& state) {
  const std::vector<float> s = state.to_vector<float>();
  return {.low = s[0], .high = s[1], .power = s[2]};
}

float tracked_step(const RangeTracker& t, const ValueQuant& q) {
  if (t.is_empty()) return q.scale;
  const int32_t above = q.highest() - q.zero_point;
  double step = kLeastStep;
  if (above > 0) step = std::max(step, t.highest() / above);
  if (q.zero_point > 0) step = std::max(step, -t.lowest() / q.zero_point);
  return static_cast<float>(step);
}

}  // namespace pith::nn::rules
