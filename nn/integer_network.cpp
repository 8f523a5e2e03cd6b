#include "nn/integer_network.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "tensor/error.h"
#include "tensor/formats/quant_range.h"
#include "tensor/ops/pool2d_u8.h"
#include "tensor/ops/requantize.h"
#include "tensor/ops/requantize_u8.h"

namespace pith::nn {
namespace {

using ops::QuantizedTensor;

[[noreturn]] void refuse(const IntegerLayer& layer, const std::string& what) {
  throw ArgumentError("integer network: layer " + layer.shape.name + " " + what);
}

void check_value(const std::string& name, const ValueQuant& q) {
  if (q.bits < 1 || q.bits > 8)
    throw ArgumentError("integer network: " + name + " has " + std::to_string(q.bits) + " bits, not 1 to 8");
  if (!std::isfinite(q.scale) || q.scale <= 0 || q.zero_point < 0 || q.zero_point > q.highest())
    throw ArgumentError("integer network: scale " + std::to_string(q.scale) + " and zero point " +
                        std::to_string(q.zero_point) + " of " + name + " are no quantisation of " +
                        std::to_string(q.bits) + " bits");
}

void check_weights(const IntegerLayer& layer) {
  const size_t rows = static_cast<size_t>(layer.weights.shape()[0]);
  if (layer.bits < 1 || layer.bits > 8) refuse(layer, "has weights of " + std::to_string(layer.bits) + " bits");
  if (layer.weight_scale.size() != rows) refuse(layer, "has another count of scales than of output channels");
  for (const float s : layer.weight_scale)
    if (!std::isfinite(s) || s <= 0) refuse(layer, "has the weight scale " + std::to_string(s));
  if (!layer.bias.defined() && layer.real_bias.size() != rows) refuse(layer, "has no bias");
}

/// Weights of 1 that sum each plane: a depthwise convolution over the whole plane.
ops::IntWeights ones(const Shape& image, const ValueQuant& x) {
  return ops::pack_int_weights(Tensor::full({image[0], 1, image[1], image[2]}, 1, DType::s8), {}, x.zero_point,
                               image[0], x.highest());
}

/// The bias of dynamic ranges in units of this batch's scales: no whole number.
Tensor bias_in_units(const IntegerLayer& layer, float x_scale) {
  std::vector<float> bias;
  for (size_t k = 0; k < layer.real_bias.size(); ++k)
    bias.push_back(static_cast<float>(layer.real_bias[k] / (static_cast<double>(x_scale) * layer.weight_scale[k])));
  return Tensor::from(bias, Shape{std::ssize(bias)});
}

/// Counted from the zero point, as f32.
Tensor whole_numbers(QuantizedTensor q, const KernelTable& table) {
  q.scale = 1;
  return ops::dequantize(q, table);
}

std::vector<float> requantizations(const IntegerLayer& layer, float x_scale, float y_scale) {
  std::vector<float> all;
  for (const float s : layer.weight_scale) all.push_back(requantization(x_scale, s, y_scale));
  return all;
}

QuantizedTensor quantized_input(const Tensor& images, const ValueQuant& q, bool is_dynamic, const KernelTable& table) {
  const Shape& s = images.shape();
  const TileGrid grid = !is_dynamic && images.is_plain() ? tile_grid(s[0], s[2], s[3]) : TileGrid{};
  const Tensor x = grid.count() > 1 ? to_tiles(images, grid, 1) : images;
  return ops::quantize(x, q.scale, q.zero_point, 1, table, q.highest());
}

}  // namespace

float requantization(float x_scale, float w_scale, float y_scale) {
  return static_cast<float>(static_cast<double>(x_scale) * w_scale / y_scale);
}

ValueQuant measured(const ops::Range& range, int bits) {
  const LinearScale q = linear_scale({range.lowest, range.highest}, bits, QuantMode::asymmetric_unsigned);
  return {q.scale, q.zero_point, bits};
}

IntegerNetwork::IntegerNetwork(IntegerSpec spec, const BlockCrossover& crossover) : spec_(std::move(spec)) {
  if (spec_.values.size() != spec_.layers.size() + 1 || spec_.layers.empty())
    throw ArgumentError("integer network: " + std::to_string(spec_.values.size()) + " values for " +
                        std::to_string(spec_.layers.size()) + " layers");
  Graph graph{.input = spec_.input, .layers = {}};
  check_value("input", spec_.values[0]);
  for (size_t i = 0; i < spec_.layers.size(); ++i) {
    const IntegerLayer& layer = spec_.layers[i];
    const GraphLayer& g = layer.shape;
    if (g.input < 0 || g.input > static_cast<int64_t>(i) || g.residual > static_cast<int64_t>(i))
      refuse(layer, "reads a value that is not there yet");
    check_value(g.name, spec_.values[i + 1]);
    if (g.kind == LayerKind::requantize && spec_.is_dynamic)
      refuse(layer, "wants ranges that are known before a batch");
    graph.layers.push_back(g);
    last_reader_.resize(i + 1);
    for (const int64_t read : {g.input, g.residual})
      if (read >= 0) last_reader_[static_cast<size_t>(read)] = i;
    const ValueQuant& x = spec_.values[static_cast<size_t>(g.input)];
    if (g.has_weights()) {
      check_weights(layer);
      packed_.push_back(ops::pack_int_weights(layer.weights, layer.bias, x.zero_point, g.window.groups, x.highest()));
      const double kept = ops::kept_blocks(packed_.back());
      if (kept <= crossover.images) ops::skip_zero_blocks(packed_.back(), kept <= crossover.tiles);
    } else {
      packed_.push_back(g.kind == LayerKind::mean_pool ? ones(graph.shape(g.input), x) : ops::IntWeights{});
    }
  }
  set_training(false);
}

QuantizedTensor IntegerNetwork::run_product(size_t i, const std::vector<QuantizedTensor>& values,
                                            const KernelTable& table) const {
  const IntegerLayer& layer = spec_.layers[i];
  const GraphLayer& g = layer.shape;
  const QuantizedTensor& x = values[static_cast<size_t>(g.input)];
  const ValueQuant& y = spec_.values[i + 1];
  const bool last = i + 1 == spec_.layers.size();
  ops::IntTarget to{.dtype = last ? DType::f32 : DType::u8,
                    .scale = requantizations(layer, x.scale, last ? 1.0f : y.scale),
                    .zero_point = last ? 0 : y.zero_point,
                    .relu = g.relu && !last,
                    .highest = last ? 255 : y.highest()};
  if (g.residual >= 0) {
    to.residual = values[static_cast<size_t>(g.residual)];
    to.residual_scale = requantization(to.residual.scale, 1.0f, y.scale);
  }
  const Tensor sums = g.kind == LayerKind::conv ? ops::conv2d_s8(x, packed_[i], g.window, to, table)
                                                : ops::linear_s8(x, packed_[i], to, table);
  return {sums, y.scale, y.zero_point};
}

/// Exact sums, then real numbers (as training computes them), then integers of the range that they turn out to have.
QuantizedTensor IntegerNetwork::run_dynamic(size_t i, const std::vector<QuantizedTensor>& values,
                                            const KernelTable& table) const {
  const IntegerLayer& layer = spec_.layers[i];
  const GraphLayer& g = layer.shape;
  const QuantizedTensor& x = values[static_cast<size_t>(g.input)];
  const std::vector<float> units = requantizations(layer, x.scale, 1.0f);
  const ops::IntTarget to{.dtype = DType::f32, .scale = std::vector<float>(units.size(), 1.0f)};
  ops::IntWeights w = ops::pack_int_weights(layer.weights, {}, x.zero_point, g.window.groups,
                                            spec_.values[static_cast<size_t>(g.input)].highest());
  if (w.parts.empty()) w.blocks = packed_[i].blocks;  // dynamic ranges have no tiles
  const Tensor sums =
      g.kind == LayerKind::conv ? ops::conv2d_s8(x, w, g.window, to, table) : ops::linear_s8(x, w, to, table);
  constexpr double kAll = std::numeric_limits<double>::infinity();
  ops::Requantization r{.bias = bias_in_units(layer, x.scale),
                        .scale = Tensor::from(units, Shape{std::ssize(units)}),
                        .lowest = g.relu ? 0 : -kAll,
                        .highest = kAll,
                        .rounds = false};
  if (g.residual >= 0) {
    const QuantizedTensor& residual = values[static_cast<size_t>(g.residual)];
    r.residual = whole_numbers(residual, table);
    r.residual_scale = Tensor::full({1}, residual.scale);
  }
  const Tensor y = ops::requantize(sums, r);
  if (i + 1 == spec_.layers.size()) return {y, 1.0f, 0};
  const ValueQuant q = measured(ops::range(y, table), spec_.values[i + 1].bits);
  return ops::quantize(y, q.scale, q.zero_point, y.shape().rank() == 4 ? 1 : 0, table, q.highest());
}

QuantizedTensor IntegerNetwork::run_mean_pool(size_t i, const QuantizedTensor& x, const KernelTable& table) const {
  ValueQuant y = spec_.values[i + 1];
  const ValueQuant from{x.scale, x.zero_point, spec_.values[static_cast<size_t>(spec_.layers[i].shape.input)].bits};
  if (spec_.is_dynamic) y = from;  // a mean lies within the range of what it is of
  const Shape& s = x.values.shape();
  const float scale = requantization(x.scale, 1.0f / static_cast<float>(s[2] * s[3]), y.scale);
  const ops::IntTarget to{.scale = std::vector<float>(static_cast<size_t>(s[1]), scale),
                          .zero_point = y.zero_point,
                          .highest = y.highest()};
  return {ops::mean_pool2d_u8(x, to, table), y.scale, y.zero_point};
}

QuantizedTensor IntegerNetwork::run_requantize(size_t i, const QuantizedTensor& x, const KernelTable& table) const {
  const ValueQuant& y = spec_.values[i + 1];
  return ops::requantize_u8(x,
                            {.scale = y.scale,
                             .multiplier = requantization(x.scale, 1.0f, y.scale),
                             .zero_point = y.zero_point,
                             .highest = y.highest()},
                            table);
}

QuantizedTensor IntegerNetwork::run_layer(size_t i, const std::vector<QuantizedTensor>& values,
                                          const KernelTable& table) const {
  const GraphLayer& g = spec_.layers[i].shape;
  const QuantizedTensor& x = values[static_cast<size_t>(g.input)];
  if (g.kind == LayerKind::max_pool) return ops::max_pool2d_u8(x, g.kernel, g.window);
  if (g.kind == LayerKind::mean_pool) return run_mean_pool(i, x, table);
  if (g.kind == LayerKind::requantize) return run_requantize(i, x, table);
  if (g.kind == LayerKind::flatten) return ops::flatten_u8(x);
  return spec_.is_dynamic ? run_dynamic(i, values, table) : run_product(i, values, table);
}

Tensor IntegerNetwork::run(const Tensor& images, const IntegerProbe& probe, const KernelTable& table) const {
  const Shape& s = images.shape();
  if (s.rank() != 4 || !(Shape{s[1], s[2], s[3]} == spec_.input))
    throw ShapeError("integer network: wants images " + text(spec_.input) + ", here is " + text(images));
  std::vector<QuantizedTensor> values{quantized_input(images, spec_.values[0], spec_.is_dynamic, table)};
  if (probe) probe(0, values[0]);
  for (size_t i = 0; i < spec_.layers.size(); ++i) {
    values.push_back(run_layer(i, values, table));
    if (probe) probe(static_cast<int64_t>(i + 1), values.back());
    for (const int64_t read : {spec_.layers[i].shape.input, spec_.layers[i].shape.residual})
      if (read >= 0 && last_reader_[static_cast<size_t>(read)] == i) values[static_cast<size_t>(read)] = {};
  }
  return to_plain(values.back().values);
}

}  // namespace pith::nn
