#include "nn/explanation.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "tensor/error.h"

namespace pith::nn {
namespace {

using ops::QuantizedTensor;

/// A value of image 0 as plain bytes.
struct Plane {
  std::vector<uint8_t> bytes;
  int64_t c = 1, h = 1, w = 1;
  Plane(const QuantizedTensor& q, const Shape& one) {
    bytes = q.values.to_vector<uint8_t>();
    c = one[0];
    if (one.rank() == 3) h = one[1], w = one[2];
  }
  bool holds(int64_t y, int64_t x) const { return y >= 0 && y < h && x >= 0 && x < w; }
  int32_t at(int64_t channel, int64_t y, int64_t x) const {
    return bytes[static_cast<size_t>((channel * h + y) * w + x)];
  }
};

Shape shape_of(const IntegerSpec& spec, int64_t value) {
  return value == 0 ? spec.input : spec.layers[static_cast<size_t>(value - 1)].shape.output;
}

std::string name_of(const IntegerSpec& spec, int64_t value) {
  return value == 0 ? "the input" : spec.layers[static_cast<size_t>(value - 1)].shape.name;
}

/// With the scale and zero point that the batch has.
ValueQuant quant_of(const IntegerSpec& spec, int64_t value, const QuantizedTensor& q) {
  return {q.scale, q.zero_point, spec.values[static_cast<size_t>(value)].bits};
}

void check_place(const IntegerSpec& spec, size_t layer, const OutputPlace& at) {
  const Shape out = shape_of(spec, static_cast<int64_t>(layer + 1));
  const int64_t h = out.rank() == 3 ? out[1] : 1, w = out.rank() == 3 ? out[2] : 1;
  if (at.k < 0 || at.k >= out[0] || at.y < 0 || at.y >= h || at.x < 0 || at.x >= w)
    throw ArgumentError("explain: " + spec.layers[layer].shape.name + " gives " + text(out) +
                        ", so there is no pixel " + std::to_string(at.y) + "," + std::to_string(at.x) + " of channel " +
                        std::to_string(at.k));
}

/// The inputs of a window in the order channel, row, column, and their weights.
void gather(const IntegerLayer& layer, const Plane& x, int32_t zero_point, Explanation& e) {
  const GraphLayer& g = layer.shape;
  const bool is_conv = g.kind == LayerKind::conv, is_linear = g.kind == LayerKind::linear;
  Window window = g.window;
  if (!is_conv && g.kind != LayerKind::max_pool) window = {};
  std::array<int64_t, 2> kernel = is_linear ? std::array<int64_t, 2>{1, 1} : g.kernel;
  int64_t first = e.at.k, count = 1;
  if (is_conv) {
    const Shape& w = layer.weights.shape();
    kernel = {w[2], w[3]};
    count = w[1], first = e.at.k / (w[0] / window.groups) * count;
  } else if (is_linear) {
    first = 0, count = x.c;
  }
  const int8_t* const weights =
      layer.weights.defined() ? layer.weights.data<int8_t>() + e.at.k * count * kernel[0] * kernel[1] : nullptr;
  for (int64_t c = 0, i = 0; c < count; ++c)
    for (int64_t a = 0; a < kernel[0]; ++a)
      for (int64_t b = 0; b < kernel[1]; ++b, ++i) {
        ExplainedTerm t{.channel = first + c,
                        .row = e.at.y * window.stride[0] + a * window.dilation[0] - window.padding[0],
                        .column = e.at.x * window.stride[1] + b * window.dilation[1] - window.padding[1]};
        t.is_border = !x.holds(t.row, t.column);
        t.q = t.is_border ? zero_point : x.at(t.channel, t.row, t.column);
        if (weights != nullptr) t.w = weights[i];
        e.terms.push_back(t);
      }
}

void add_up(Explanation& e) {
  int64_t sum = e.bias;
  e.lowest_sum = e.highest_sum = sum;
  for (ExplainedTerm& t : e.terms) {
    t.product = int64_t{t.w} * (t.q - e.input.zero_point);
    sum += t.product;
    t.sum = sum;
    e.lowest_sum = std::min(e.lowest_sum, sum), e.highest_sum = std::max(e.highest_sum, sum);
  }
  e.sum = sum;
  e.bits_used = static_cast<int>(
                    std::bit_width(static_cast<uint64_t>(std::max({e.highest_sum, -(e.lowest_sum + 1), int64_t{0}})))) +
                1;
}

/// The rule of kernels/int_views.h, each step rounded to f32 as there.
void requantize(Explanation& e) {
  const volatile float product = static_cast<float>(e.sum) * e.scale;
  e.scaled = product;
  const volatile float together = e.has_residual ? e.scaled + e.residual_term : e.scaled;
  e.real = together;
  if (e.is_last) {
    e.logit = e.real, e.value = e.logit;
    return;
  }
  const double nearest = std::nearbyint(static_cast<double>(e.real)) + e.output.zero_point;
  e.rounded = static_cast<int64_t>(std::clamp(nearest, -1e15, 1e15));
  e.q = static_cast<int32_t>(std::clamp<int64_t>(e.rounded, e.lowest, e.highest));
}

/// Dynamic: (sum + bias) scale + residual is a real number, whose batch says the scale of the output.
void requantize_dynamic(Explanation& e) {
  const volatile float with_bias = static_cast<float>(e.sum) + static_cast<float>(e.real_bias);
  const volatile float product = with_bias * e.scale;
  e.scaled = product;
  const volatile float together = e.has_residual ? e.scaled + e.residual_term : e.scaled;
  const float real = together;
  e.real = e.relu ? std::max(0.0f, real) : real;
  if (e.is_last) {
    e.logit = e.real, e.value = e.logit;
    return;
  }
  const volatile float steps = e.real / e.output.scale;
  e.rounded = static_cast<int64_t>(std::nearbyint(static_cast<double>(steps))) + e.output.zero_point;
  e.q = static_cast<int32_t>(std::clamp<int64_t>(e.rounded, 0, e.highest));
}

void take_scales(const IntegerSpec& spec, size_t i, Explanation& e) {
  const IntegerLayer& layer = spec.layers[i];
  const float unit = e.is_dynamic || e.is_last ? 1.0f : e.output.scale;
  if (!layer.shape.has_weights()) {
    e.scale = requantization(e.input.scale, 1.0f / static_cast<float>(e.terms.size()), e.output.scale);
    return;
  }
  const size_t k = static_cast<size_t>(e.at.k);
  e.weight_bits = layer.bits;
  e.weight_scale = layer.weight_scale[k];
  e.scale = requantization(e.input.scale, e.weight_scale, unit);
  if (e.is_dynamic)
    e.real_bias = static_cast<float>(layer.real_bias[k] / (static_cast<double>(e.input.scale) * e.weight_scale));
  else
    e.bias = layer.bias.data<int32_t>()[e.at.k];
}

void take_residual(const IntegerSpec& spec, int64_t value, const QuantizedTensor& r, Explanation& e) {
  e.has_residual = true;
  e.residual_name = name_of(spec, value);
  e.residual = quant_of(spec, value, r);
  e.residual_q = Plane(r, shape_of(spec, value)).at(e.at.k, e.at.y, e.at.x);
  e.residual_scale = e.is_dynamic ? r.scale : requantization(r.scale, 1.0f, e.output.scale);
  e.residual_term = static_cast<float>(e.residual_q - r.zero_point) * e.residual_scale;
}

/// Pooling by the largest, and flattening: the integer passes on.
void pass_on(const Plane& x, Explanation& e) {
  if (e.kind == LayerKind::flatten) {
    const int64_t plane = x.h * x.w, c = e.at.k / plane, y = e.at.k % plane / x.w, column = e.at.k % x.w;
    e.terms.push_back({.channel = c, .row = y, .column = column, .q = x.at(c, y, column)});
  }
  for (ExplainedTerm& t : e.terms) {
    e.q = std::max(e.q, t.q);
    t.product = t.q, t.sum = e.q;
  }
}

}  // namespace

size_t layer_named(const IntegerSpec& spec, const std::string& name) {
  std::string known;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    if (spec.layers[i].shape.name == name) return i;
    known += (i == 0 ? "" : ", ") + spec.layers[i].shape.name;
  }
  throw ArgumentError("explain: there is no layer \"" + name + "\"; the layers are " + known);
}

Explanation explain(const IntegerSpec& spec, const std::vector<QuantizedTensor>& values, size_t layer,
                    const OutputPlace& at) {
  if (layer >= spec.layers.size() || values.size() < layer + 2)
    throw ArgumentError("explain: there is no layer " + std::to_string(layer));
  check_place(spec, layer, at);
  const IntegerLayer& l = spec.layers[layer];
  const GraphLayer& g = l.shape;
  Explanation e;
  e.layer = g.name, e.kind = g.kind, e.at = at, e.relu = g.relu;
  e.is_dynamic = spec.is_dynamic, e.is_last = layer + 1 == spec.layers.size();
  e.input_name = name_of(spec, g.input);
  e.input = quant_of(spec, g.input, values[static_cast<size_t>(g.input)]);
  e.output = quant_of(spec, static_cast<int64_t>(layer + 1), values[layer + 1]);
  e.highest = e.output.highest();
  e.lowest = g.relu && !e.is_last ? e.output.zero_point : 0;
  const Plane x(values[static_cast<size_t>(g.input)], shape_of(spec, g.input));
  if (g.kind != LayerKind::flatten) gather(l, x, e.input.zero_point, e);
  if (g.kind == LayerKind::max_pool || g.kind == LayerKind::flatten) {
    pass_on(x, e);
  } else {
    take_scales(spec, layer, e);
    if (g.residual >= 0) take_residual(spec, g.residual, values[static_cast<size_t>(g.residual)], e);
    add_up(e);
    e.is_dynamic&& g.has_weights() ? requantize_dynamic(e) : requantize(e);
  }
  if (!e.is_last) e.value = static_cast<double>(e.output.scale) * (e.q - e.output.zero_point);
  return e;
}

}  // namespace pith::nn
