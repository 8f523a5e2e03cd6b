#include "nn/quantized_training.h"

#include <cmath>
#include <limits>
#include <utility>

#include "autograd/ops/conv2d.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/pool2d.h"
#include "autograd/ops/quantize.h"
#include "autograd/ops/shape.h"
#include "nn/apply.h"
#include "tensor/error.h"

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

/// Throws where a sum of this layer could pass 2^24. Counts every partial sum, in any order.
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

}  // namespace

ops::WeightLevels levels_of(int bits) {
  if (bits == 1) return {.lowest = -1, .highest = 1, .is_binary = true};
  const double most = (1 << (bits - 1)) - 1;
  return {.lowest = -most, .highest = most};
}

QuantizedTraining::QuantizedTraining(IntegerSpec start) : start_(std::move(start)) {
  learned_.resize(start_.layers.size());
  for (size_t i = 0; i < start_.layers.size(); ++i) {
    const IntegerLayer& layer = start_.layers[i];
    const std::string& name = layer.shape.name;
    if (layer.shape.has_weights()) {
      if (!layer.shape.weight.defined() || !layer.shape.bias.defined())
        throw ArgumentError("quantized training: layer " + name + " holds integers alone; its real weights are needed");
      learned_[i].weight = &add_parameter(name + ".weight", layer.shape.weight.clone());
      if (layer.shape.mask) learned_[i].weight->set_mask(layer.shape.mask);
      learned_[i].bias = &add_parameter(name + ".bias", layer.shape.bias.clone());
      learned_[i].weight_step = &add_parameter(name + ".weight_step",
                                               Tensor::from(layer.weight_scale, Shape{std::ssize(layer.weight_scale)}));
      learned_[i].weight_step->decays = false;
    }
    if (start_.is_dynamic || passes_on(layer.shape) || i + 1 == start_.layers.size()) continue;
    learned_[i].value_step = &add_parameter(name + ".value_step", Tensor::full({1}, start_.values[i + 1].scale));
    learned_[i].value_step->decays = false;
  }
}

/// The step of a value: the input's is fixed, pooling and flattening pass on theirs.
Variable QuantizedTraining::value_step(int64_t value) const {
  if (value == 0) return constant(start_.values[0].scale);
  const size_t i = static_cast<size_t>(value - 1);
  const GraphLayer& g = start_.layers[i].shape;
  if (passes_on(g)) return value_step(g.input);
  const double count = static_cast<double>(g.output.numel()), highest = start_.values[i + 1].highest();
  return positive_step(learned_[i].value_step->variable(), 1 / std::sqrt(count * highest));
}

Variable QuantizedTraining::weight_step(size_t i) const {
  const Shape& w = learned_[i].weight->shape();
  const double each = static_cast<double>(w.numel() / w[0]), highest = levels_of(start_.layers[i].bits).highest;
  return positive_step(learned_[i].weight_step->variable(), 1 / std::sqrt(each * highest));
}

Variable QuantizedTraining::sums_of(size_t i, const Variable& x, const Variable& w_step) const {
  const IntegerLayer& layer = start_.layers[i];
  const Variable w = weight_levels(in_use(*learned_[i].weight), w_step, levels_of(layer.bits));
  return layer.shape.kind == LayerKind::conv ? conv2d(x, w, {}, layer.shape.window) : linear(x, w, {});
}

QuantizedTraining::Flow QuantizedTraining::run_product(size_t i, const std::vector<Flow>& values) const {
  const GraphLayer& g = start_.layers[i].shape;
  const Flow& x = values[static_cast<size_t>(g.input)];
  const Variable w_step = weight_step(i), sums = sums_of(i, x.x, w_step);
  const Variable bias = bias_levels(learned_[i].bias->variable(), x.step, w_step);
  if (i + 1 == start_.layers.size())
    return {requantize(sums, bias, requantization_scale(x.step, w_step, {}), {}, {},
                       {.lowest = -kAll, .highest = kAll, .rounds = false}),
            {},
            {}};
  const ValueQuant& q = start_.values[i + 1];
  const Variable y_step = value_step(static_cast<int64_t>(i + 1));
  Variable residual, residual_scale;
  if (g.residual >= 0) {
    residual = values[static_cast<size_t>(g.residual)].x;
    residual_scale = requantization_scale(values[static_cast<size_t>(g.residual)].step, constant(1), y_step);
  }
  return {requantize(sums, bias, requantization_scale(x.step, w_step, y_step), residual, residual_scale,
                     {.lowest = g.relu ? 0.0 : -static_cast<double>(q.zero_point),
                      .highest = static_cast<double>(q.highest() - q.zero_point)}),
          y_step, q};
}

/// Real numbers first, whose range in this batch is the grid that they are rounded to.
QuantizedTraining::Flow QuantizedTraining::run_dynamic(size_t i, const std::vector<Flow>& values) const {
  const GraphLayer& g = start_.layers[i].shape;
  const Flow& x = values[static_cast<size_t>(g.input)];
  const Variable w_step = weight_step(i), sums = sums_of(i, x.x, w_step);
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
QuantizedTraining::Flow QuantizedTraining::run_mean_pool(size_t i, const Flow& x) const {
  const Shape& s = x.x.shape();
  const Variable ones(Tensor::full({s[1], 1, s[2], s[3]}, 1)), sums = conv2d(x.x, ones, {}, {.groups = s[1]});
  const float share = 1.0f / static_cast<float>(s[2] * s[3]);
  const ValueQuant q = start_.is_dynamic ? x.quant : start_.values[i + 1];
  const Variable step = start_.is_dynamic ? x.step : value_step(static_cast<int64_t>(i + 1));
  const Variable scale = requantization_scale(x.step, constant(share, s[1]), step);
  return {requantize(sums, constant(0, s[1]), scale, {}, {},
                     {.lowest = -static_cast<double>(q.zero_point),
                      .highest = static_cast<double>(q.highest() - q.zero_point)}),
          step, q};
}

QuantizedTraining::Flow QuantizedTraining::run_layer(size_t i, const std::vector<Flow>& values) const {
  const GraphLayer& g = start_.layers[i].shape;
  const Flow& x = values[static_cast<size_t>(g.input)];
  if (g.kind == LayerKind::max_pool) return {max_pool2d(x.x, g.kernel, g.window), x.step, x.quant};
  if (g.kind == LayerKind::mean_pool) return run_mean_pool(i, x);
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
    const Variable w_step = weight_step(i);
    layer.shape.weight = learned_[i].weight->value().clone();
    layer.shape.bias = learned_[i].bias->value().clone();
    layer.shape.mask = learned_[i].weight->mask();
    layer.weights = weight_levels(learned_[i].weight->variable(), w_step, levels_of(layer.bits)).value().to(DType::s8);
    layer.weight_scale = w_step.value().to_vector<float>();
    if (spec.is_dynamic)
      layer.real_bias = layer.shape.bias.to_vector<float>();
    else
      layer.bias =
          bias_levels(learned_[i].bias->variable(), value_step(layer.shape.input), w_step).value().to(DType::s32);
    check_depth(layer, spec.values[static_cast<size_t>(layer.shape.input)], spec.is_dynamic);
  }
  return spec;
}

}  // namespace pith::nn
