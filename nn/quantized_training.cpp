#include "nn/quantized_training.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "autograd/ops/arithmetic.h"
#include "autograd/ops/conv2d.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/pool2d.h"
#include "autograd/ops/quantize.h"
#include "autograd/ops/shape.h"
#include "nn/apply.h"
#include "nn/training_rules.h"
#include "tensor/error.h"
#include "tensor/formats/range_tracker.h"
#include "tensor/ops/accumulator_steps.h"
#include "tensor/ops/quantized.h"
#include "tensor/ops/two_scales.h"

namespace pith::nn {
namespace {

constexpr double kAll = std::numeric_limits<double>::infinity();

Variable constant(double value, int64_t count = 1) { return Variable(Tensor::full({count}, value)); }

bool passes_on(const GraphLayer& g) { return g.kind == LayerKind::max_pool || g.kind == LayerKind::flatten; }

/// Whole numbers counted from the zero point.
Tensor whole_numbers(const Tensor& images, const ValueQuant& q) {
  ops::QuantizedTensor x = ops::quantize(images, q.scale, q.zero_point, 1, kernels(), q.highest());
  x.scale = 1;
  return ops::dequantize(x);
}

/// For Adam: steps move by shares of what they begin with.
void count_in_first_values(Parameter& step) {
  const std::vector<double> first = step.value().to_vector<double>();
  step.unit = std::accumulate(first.begin(), first.end(), 0.0) / static_cast<double>(first.size());
}

/// The farther end of a range in steps from zero.
double reach(const ValueQuant& q) { return std::max(q.highest() - q.zero_point, q.zero_point); }

}  // namespace

QuantizedTraining::QuantizedTraining(IntegerSpec start) : start_(std::move(start)) {
  check_training_methods(start_);
  learned_.resize(start_.layers.size());
  for (size_t i = 0; i < start_.layers.size(); ++i) {
    const GraphLayer& g = start_.layers[i].shape;
    if (g.has_weights()) add_weight_parameters(i);
    if (start_.layers[i].norm_training == NormTraining::batch) add_norm(i);
    if (!start_.is_dynamic && !passes_on(g) && i + 1 < start_.layers.size()) add_value_parameters(i);
  }
}

void QuantizedTraining::add_weight_parameters(size_t i) {
  IntegerLayer& layer = start_.layers[i];
  const GraphLayer& g = layer.shape;
  Learned& of = learned_[i];
  if (!g.weight.defined() || !g.bias.defined())
    throw ArgumentError("quantized training: layer " + g.name + " holds integers alone; its real weights are needed");
  of.weight = &add_parameter(g.name + ".weight", g.weight.clone());
  if (g.mask) of.weight->set_mask(g.mask);
  of.bias = &add_parameter(g.name + ".bias", g.bias.clone());
  const auto add_step = [&](const char* what, const Tensor& first) {
    Parameter& step = add_parameter(g.name + what, first);
    step.decays = false;
    count_in_first_values(step);
    return &step;
  };
  switch (layer.weight_training) {
    case WeightTraining::lsq:
      of.weight_step =
          add_step(".weight_step", Tensor::from(layer.weight_scale, Shape{std::ssize(layer.weight_scale)}));
      break;
    case WeightTraining::ttq: {
      const ops::TwoScales first = ops::first_scales(g.weight);
      of.weight_up = add_step(".weight_up", first.up);
      of.weight_down = add_step(".weight_down", first.down);
      break;
    }
    case WeightTraining::inq:
      layer.weight_scale = ops::power_steps(g.weight, rules::levels_of(layer).highest).to_vector<float>();
      of.free_weights = &add_buffer(g.name + ".free_weights", Tensor::full(g.weight.shape(), 1));
      of.frozen_levels = &add_buffer(g.name + ".frozen_levels", Tensor::zeros(g.weight.shape()));
      break;
    case WeightTraining::dorefa:
    case WeightTraining::wrpn:
    case WeightTraining::ternary:
    case WeightTraining::binary:
    case WeightTraining::abc:
      break;
  }
}

void QuantizedTraining::add_norm(size_t i) {
  const GraphLayer& g = start_.layers[i].shape;
  const Shape channels = learned_[i].bias->shape();
  Parameter& scale = add_parameter(g.name + ".norm_scale", Tensor::full(channels, 1));
  scale.decays = false;
  Tensor& mean = add_buffer(g.name + ".norm_mean", Tensor::zeros(channels));
  Tensor& variance = add_buffer(g.name + ".norm_variance", Tensor::full(channels, 1));
  Tensor& begun = add_buffer(g.name + ".norm_begun", Tensor::zeros({1}));
  learned_[i].norm =
      TrainingNorm({scale, *learned_[i].bias, mean, variance, begun}, g.bias, g.norm_scale, g.norm_shift);
}

void QuantizedTraining::add_value_parameters(size_t i) {
  const std::string& name = start_.layers[i].shape.name;
  const ValueQuant& q = start_.values[i + 1];
  switch (start_.layers[i].value_training) {
    case ValueTraining::lsq:
      learned_[i].value_step = &add_parameter(name + ".value_step", Tensor::full({1}, q.scale));
      learned_[i].value_step->decays = false;
      count_in_first_values(*learned_[i].value_step);
      break;
    case ValueTraining::pact:
      learned_[i].value_alpha = &add_parameter(name + ".value_alpha", Tensor::full({1}, q.scale * reach(q)));
      count_in_first_values(*learned_[i].value_alpha);
      break;
    case ValueTraining::ema:
      learned_[i].value_range = &add_buffer(name + ".value_range", Tensor::from(std::vector<float>{0, 0, 1}, Shape{3}));
      break;
    case ValueTraining::fixed:
      break;
  }
}

/// The step of a value: the input's is fixed, pooling and flattening pass on theirs.
Variable QuantizedTraining::value_step(int64_t value) const {
  const ValueQuant& q = start_.values[static_cast<size_t>(value)];
  if (value == 0) return constant(q.scale);
  const size_t i = static_cast<size_t>(value - 1);
  const GraphLayer& g = start_.layers[i].shape;
  if (passes_on(g)) return value_step(g.input);
  switch (start_.layers[i].value_training) {
    case ValueTraining::lsq: {
      const double count = static_cast<double>(g.output.numel()), highest = q.highest();
      return positive_step(learned_[i].value_step->variable(), 1 / std::sqrt(count * highest));
    }
    case ValueTraining::pact:
      return affine(positive_step(learned_[i].value_alpha->variable(), 1), 1 / reach(q));
    case ValueTraining::ema:
      return constant(rules::tracked_step(rules::tracker_of(*learned_[i].value_range), q));
    case ValueTraining::fixed:
      break;
  }
  return constant(q.scale);
}

/// x_step: of the layer's input; undefined with dynamic ranges.
Variable QuantizedTraining::weight_step(size_t i, const Variable& x_step) const {
  const IntegerLayer& layer = start_.layers[i];
  const Variable step = unlimited_step(i, x_step);
  if (layer.accumulator == 0) return step;
  return widened(step,
                 ops::accumulator_steps(
                     learned_[i].weight->value(), step.value(), learned_[i].bias->value(), rules::levels_of(layer),
                     rules::limits_of(layer, start_.values[static_cast<size_t>(layer.shape.input)], x_step)));
}

/// Above 0, its gradient tamed as LSQ does: by the root of how many weights of a channel reach it, times `highest`.
Variable QuantizedTraining::weight_scale(size_t i, const Parameter& scale, double highest) const {
  const Shape& w = learned_[i].weight->shape();
  return positive_step(scale.variable(), 1 / std::sqrt(static_cast<double>(w.numel() / w[0]) * highest));
}

Variable QuantizedTraining::unlimited_step(size_t i, const Variable& x_step) const {
  const IntegerLayer& layer = start_.layers[i];
  const Learned& of = learned_[i];
  if (of.weight_step == nullptr) {
    const Tensor steps = of.weight_up != nullptr ? ops::two_scale_steps({weight_scale(i, *of.weight_up, 1).value(),
                                                                         weight_scale(i, *of.weight_down, 1).value()},
                                                                        rules::levels_of(layer).highest)
                                                 : rules::steps_of(layer, of.weight->value());
    return Variable(rules::wide_enough(steps, of.bias->value(), x_step));
  }
  return weight_scale(i, *of.weight_step, rules::levels_of(layer).highest);
}

/// w as whole numbers of its steps, the frozen ones as they were frozen: those learn nothing.
Variable QuantizedTraining::levels(size_t i, const Variable& w, const Variable& w_step) const {
  const Learned& of = learned_[i];
  if (of.weight_up != nullptr)
    return two_scale_levels(w, weight_scale(i, *of.weight_up, 1), weight_scale(i, *of.weight_down, 1), w_step.value(),
                            rules::levels_of(start_.layers[i]).highest);
  const Variable q = weight_levels(w, w_step, rules::levels_of(start_.layers[i]));
  if (of.free_weights == nullptr) return q;
  Tensor frozen = of.frozen_levels->clone();
  if (of.weight->mask()) zero_pruned(*of.weight->mask(), frozen);
  return add(mul(q, Variable(*of.free_weights)), Variable(frozen));
}

void QuantizedTraining::freeze(size_t i, const Mask& which) {
  const NoGradient aside;
  Learned& of = learned_[i];
  const Variable x_step = start_.is_dynamic ? Variable() : value_step(start_.layers[i].shape.input);
  const Tensor now = levels(i, of.weight->variable(), weight_step(i, x_step)).value();
  Tensor free = of.free_weights->clone(), frozen = of.frozen_levels->clone();
  for (int64_t j = 0; j < now.numel(); ++j) {
    if (!which.keeps(j)) continue;
    free.mutable_data<float>()[j] = 0;
    frozen.mutable_data<float>()[j] = now.data<float>()[j];
  }
  *of.free_weights = free;
  *of.frozen_levels = frozen;
}

Variable QuantizedTraining::sums_of(size_t i, const Variable& x, const Variable& w_step) const {
  const IntegerLayer& layer = start_.layers[i];
  const Variable w = levels(i, in_use(*learned_[i].weight), w_step);
  return layer.shape.kind == LayerKind::conv ? conv2d(x, w, {}, layer.shape.window) : linear(x, w, {});
}

/// Moves the running range of layer i's value by this batch's real numbers.
void QuantizedTraining::track(size_t i, const Sums& s) {
  Tensor* const state = learned_[i].value_range;
  if (state == nullptr || !training()) return;
  const NoGradient aside;
  const bool adds = s.residual != nullptr;
  const Tensor real = ops::requantize(s.sums.value(), {.bias = s.bias.value(),
                                                       .scale = requantization_scale(s.x_step, s.w_step, {}).value(),
                                                       .residual = adds ? s.residual->x.value() : Tensor(),
                                                       .residual_scale = adds ? s.residual->step.value() : Tensor(),
                                                       .lowest = start_.layers[i].shape.relu ? 0.0 : -kAll,
                                                       .highest = kAll,
                                                       .rounds = false});
  const ops::Range range = ops::range(real);
  RangeTracker t = rules::tracker_of(*state);
  t.add(range.lowest, range.highest);
  *state = Tensor::from(std::vector<double>{t.low, t.high, t.power}, Shape{3}).to(DType::f32);
}

/// Sums to the whole numbers of the value that layer i puts out.
QuantizedTraining::Flow QuantizedTraining::on_grid(size_t i, const Sums& s) {
  track(i, s);
  const IntegerLayer& layer = start_.layers[i];
  const ValueQuant& q = start_.values[i + 1];
  const bool is_pact = layer.value_training == ValueTraining::pact;
  const Variable y_step = value_step(static_cast<int64_t>(i + 1)), divisor = is_pact ? y_step.detach() : y_step;
  Variable residual, residual_scale;
  if (s.residual != nullptr) {
    residual = s.residual->x;
    residual_scale = requantization_scale(s.residual->step, constant(1), divisor);
  }
  const Variable scale = requantization_scale(s.x_step, s.w_step, divisor);
  const RequantizationLimits limits{.lowest = layer.shape.relu ? 0.0 : -static_cast<double>(q.zero_point),
                                    .highest = static_cast<double>(q.highest() - q.zero_point)};
  return {is_pact ? requantize_pact(s.sums, s.bias, scale, residual, residual_scale, y_step, limits)
                  : requantize(s.sums, s.bias, scale, residual, residual_scale, limits),
          y_step, q};
}

/// What the sums of layer i count in, and its bias.
FoldedNorm QuantizedTraining::with_norm(size_t i, const Variable& sums, const Variable& x_step,
                                        const Variable& w_step) {
  TrainingNorm& norm = learned_[i].norm;
  if (!norm.exists()) return {w_step, learned_[i].bias->variable()};
  return training() ? norm.fold(sums, x_step, w_step) : norm.fold(w_step);
}

QuantizedTraining::Flow QuantizedTraining::run_product(size_t i, const std::vector<Flow>& values) {
  const GraphLayer& g = start_.layers[i].shape;
  const Flow& x = values[static_cast<size_t>(g.input)];
  const Variable w_step = weight_step(i, x.step), sums = sums_of(i, x.x, w_step);
  const FoldedNorm in = with_norm(i, sums, x.step, w_step);
  const Variable bias = bias_levels(in.bias, x.step, in.w_step);
  if (i + 1 < start_.layers.size())
    return on_grid(
        i, {sums, bias, x.step, in.w_step, g.residual >= 0 ? &values[static_cast<size_t>(g.residual)] : nullptr});
  return {requantize(sums, bias, requantization_scale(x.step, in.w_step, {}), {}, {},
                     {.lowest = -kAll, .highest = kAll, .rounds = false}),
          {},
          {}};
}

/// Real numbers first, whose range in this batch is the grid that they are rounded to.
QuantizedTraining::Flow QuantizedTraining::run_dynamic(size_t i, const std::vector<Flow>& values) const {
  const GraphLayer& g = start_.layers[i].shape;
  const Flow& x = values[static_cast<size_t>(g.input)];
  const Variable w_step = weight_step(i, {}), sums = sums_of(i, x.x, w_step);
  const Variable bias = bias_levels(learned_[i].bias->variable(), x.step, w_step, false);
  Variable residual, residual_scale;
  if (g.residual >= 0) {
    residual = values[static_cast<size_t>(g.residual)].x;
    residual_scale = values[static_cast<size_t>(g.residual)].step;
  }
  const Variable y = requantize(sums, bias, requantization_scale(x.step, w_step, {}), residual, residual_scale,
                                {.lowest = g.relu ? 0.0 : -kAll, .highest = kAll, .rounds = false});
  if (i + 1 == start_.layers.size()) return {y, {}, {}};
  const ValueQuant q = measured(ops::range(y.value()), start_.values[i + 1].bits);
  return {grid_levels(y, q.scale, q.zero_point, q.highest()), constant(q.scale), q};
}

/// Sums of planes as a depthwise convolution with ones, as inference has them.
QuantizedTraining::Flow QuantizedTraining::run_mean_pool(size_t i, const Flow& x) {
  const Shape& s = x.x.shape();
  const Variable ones(Tensor::full({s[1], 1, s[2], s[3]}, 1)), sums = conv2d(x.x, ones, {}, {.groups = s[1]});
  const Variable share = constant(1.0f / static_cast<float>(s[2] * s[3]), s[1]), none = constant(0, s[1]);
  if (!start_.is_dynamic) return on_grid(i, {sums, none, x.step, share});
  const ValueQuant& q = x.quant;
  return {requantize(sums, none, requantization_scale(x.step, share, x.step), {}, {},
                     {.lowest = -static_cast<double>(q.zero_point),
                      .highest = static_cast<double>(q.highest() - q.zero_point)}),
          x.step, q};
}

QuantizedTraining::Flow QuantizedTraining::run_requantize(size_t i, const Flow& x) {
  const int64_t channels = x.x.shape()[1];
  return on_grid(i, {x.x, constant(0, channels), x.step, constant(1, channels)});
}

QuantizedTraining::Flow QuantizedTraining::run_layer(size_t i, const std::vector<Flow>& values) {
  const GraphLayer& g = start_.layers[i].shape;
  const Flow& x = values[static_cast<size_t>(g.input)];
  if (g.kind == LayerKind::max_pool) return {max_pool2d(x.x, g.kernel, g.window), x.step, x.quant};
  if (g.kind == LayerKind::mean_pool) return run_mean_pool(i, x);
  if (g.kind == LayerKind::requantize) return run_requantize(i, x);
  if (g.kind == LayerKind::flatten) return {flatten(x.x), x.step, x.quant};
  return start_.is_dynamic ? run_dynamic(i, values) : run_product(i, values);
}

Variable QuantizedTraining::run(const Variable& images, const Probe& probe) {
  std::vector<Flow> values{
      {Variable(whole_numbers(images.value(), start_.values[0])), value_step(0), start_.values[0]}};
  if (probe) probe(0, values[0].x.value());
  for (size_t i = 0; i < start_.layers.size(); ++i) {
    values.push_back(run_layer(i, values));
    if (probe) probe(static_cast<int64_t>(i + 1), values.back().x.value());
  }
  return values.back().x;
}

IntegerSpec QuantizedTraining::spec() const {
  const NoGradient inference;
  IntegerSpec spec = start_;
  for (size_t i = 0; i < spec.layers.size() && !spec.is_dynamic; ++i)
    spec.values[i + 1].scale =
        i + 1 == spec.layers.size() ? 1.0f : static_cast<float>(value_step(static_cast<int64_t>(i + 1)).value().item());
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    IntegerLayer& layer = spec.layers[i];
    if (!layer.shape.has_weights()) continue;
    const Variable x_step = spec.is_dynamic ? Variable() : value_step(layer.shape.input),
                   w_step = weight_step(i, x_step);
    const TrainingNorm& norm = learned_[i].norm;
    const FoldedNorm in = norm.exists() ? norm.fold(w_step) : FoldedNorm{w_step, learned_[i].bias->variable()};
    layer.shape.weight = rules::scaled_rows(learned_[i].weight->value(), w_step.value(), in.w_step.value());
    layer.shape.bias = in.bias.value().clone();
    if (norm.exists()) layer.shape.norm_scale = norm.scale(), layer.shape.norm_shift = norm.shift();
    layer.shape.mask = learned_[i].weight->mask();
    layer.weights = levels(i, learned_[i].weight->variable(), w_step).value().to(DType::s8);
    layer.weight_scale = in.w_step.value().to_vector<float>();
    if (spec.is_dynamic)
      layer.real_bias = layer.shape.bias.to_vector<float>();
    else
      layer.bias = bias_levels(in.bias, x_step, in.w_step).value().to(DType::s32);
    rules::check_depth(layer, spec.values[static_cast<size_t>(layer.shape.input)], spec.is_dynamic);
  }
  return spec;
}

}  // namespace pith::nn
