#include "compress/quantizers/post_training.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "compress/quantizers/residual_sums.h"
#include "compress/selector.h"
#include "tensor/error.h"
#include "tensor/ops/accumulator_steps.h"

namespace pith::compress {
namespace {

double row_error(std::span<const float> w, const LinearScale& s) {
  double error = 0;
  for (const float v : w) {
    const double d = v - dequantized(quantized(v, s), s);
    error += d * d;
  }
  return error;
}

/// Of one bit: {-1, +1} times mean |w|, the least squared error (Rastegari et al. 2016).
LinearScale binary_scale(std::span<const float> w) {
  double sum = 0;
  for (const float v : w) sum += std::abs(v);
  const double mean = w.empty() ? 0 : sum / static_cast<double>(w.size());
  return linear_scale({0, static_cast<float>(mean)}, 1, QuantMode::symmetric);
}

LinearScale scale_of(std::span<const float> w, int bits, WeightRange range) {
  if (bits == 1) return binary_scale(w);
  float largest = 0;
  for (const float v : w) largest = std::max(largest, std::abs(v));
  const auto at = [&](double share) {
    return linear_scale({0, static_cast<float>(share * largest)}, bits, QuantMode::symmetric_restricted);
  };
  LinearScale best = at(1);
  if (range == WeightRange::largest) return best;
  double least = row_error(w, best);
  for (int step = 99; step >= 20; --step) {
    const LinearScale s = at(step / 100.0);
    if (const double error = row_error(w, s); error < least) least = error, best = s;
  }
  return best;
}

struct LayerBits {
  int weights, activations;
};

class Decision {
 public:
  Decision(const nn::Graph& graph, const PostTrainingOptions& o) : graph_(graph), options_(o) {
    check(o.bits_weights, o.bits_residual == 0 ? o.bits_activations : o.bits_residual);
    check(o.bits_weights, o.bits_activations);
    check(o.bits_shortcuts == 0 ? o.bits_weights : o.bits_shortcuts, o.bits_activations);
    for (const QuantOverride& v : o.overrides) {
      check(v.bits_weights == 0 ? 8 : v.bits_weights, v.bits_activations == 0 ? 8 : v.bits_activations);
      const Selector selector(v.layers);
      if (std::none_of(graph.layers.begin(), graph.layers.end(),
                       [&](const nn::GraphLayer& l) { return selector.matches(l.name); }))
        throw ArgumentError("quantize: the override \"" + v.layers + "\" names no layer of this network");
    }
    for (size_t i = 0; i < graph.layers.size(); ++i)
      if (graph.layers[i].has_weights()) {
        if (first_ < 0) first_ = static_cast<int64_t>(i);
        last_ = static_cast<int64_t>(i);
      }
  }

  /// Of layer i: bits of its weights and of what it puts out.
  LayerBits bits(int64_t i) const {
    const nn::GraphLayer& layer = graph_.layers[static_cast<size_t>(i)];
    LayerBits b{options_.bits_weights, options_.bits_activations};
    if (options_.bits_residual != 0 && joins_sum(graph_, i + 1)) b.activations = options_.bits_residual;
    if (options_.bits_shortcuts != 0 && is_shortcut(graph_, i)) b.weights = options_.bits_shortcuts;
    if (options_.bits_ends != 0) {
      if (i == first_ || i == last_) b.weights = options_.bits_ends;
      if (feeds_last(i + 1)) b.activations = options_.bits_ends;
    }
    for (const QuantOverride& o : options_.overrides) {
      if (!Selector(o.layers).matches(layer.name)) continue;
      if (o.bits_weights != 0) b.weights = o.bits_weights;
      if (o.bits_activations != 0) b.activations = o.bits_activations;
      break;
    }
    return b;
  }

 private:
  static void check(int weights, int activations) {
    for (const int bits : {weights, activations})
      if (bits < 1 || bits > 8) throw ArgumentError("quantize: " + std::to_string(bits) + " bits are not among 1 to 8");
  }
  bool feeds_last(int64_t value) const {
    int64_t v = graph_.layers[static_cast<size_t>(last_)].input;
    for (; v > 0; v = graph_.layers[static_cast<size_t>(v - 1)].input) {
      if (v == value) return true;
      if (graph_.layers[static_cast<size_t>(v - 1)].kind != nn::LayerKind::flatten) return false;
    }
    return false;
  }

  const nn::Graph& graph_;
  const PostTrainingOptions& options_;
  int64_t first_ = -1, last_ = -1;
};

nn::ValueQuant value_quant(const ValueStatistics& s, const PostTrainingOptions& o, int bits, bool relu) {
  ClipOptions clip = o.clip;
  clip.bits = bits;
  clip.is_half_range = relu;
  const bool symmetric = o.mode == QuantMode::symmetric || o.mode == QuantMode::symmetric_restricted;
  if (relu || !symmetric) {
    RealRange r = clipped_range(s, clip);
    if (relu) r = {0, std::max(r.highest, 0.0f)};
    const LinearScale q =
        linear_scale({std::min(r.lowest, 0.0f), std::max(r.highest, 0.0f)}, bits, QuantMode::asymmetric_unsigned);
    return {q.scale, q.zero_point, bits};
  }
  const LinearScale q = linear_scale(clipped_range_symmetric(s, clip), bits, o.mode);
  return {q.scale, bits == 1 ? 0 : 1 << (bits - 1), bits};
}

bool is_rectified(const nn::Graph& graph, int64_t value) {
  if (value == 0) return false;
  const nn::GraphLayer& layer = graph.layers[static_cast<size_t>(value - 1)];
  return layer.has_weights() ? layer.relu : is_rectified(graph, layer.input);
}

/// A channel whose weights are so small that its bias would leave 32 bits gets coarser weights.
void widen_for_bias(QuantizedWeights& w, const Tensor& source, const Tensor& bias, float x_scale) {
  const std::vector<float> real = bias.to_vector<float>(), from = source.to_vector<float>();
  const size_t each = from.size() / real.size();
  for (size_t k = 0; k < real.size(); ++k) {
    const double least = std::abs(real[k]) / (ops::kMostBias * x_scale);
    if (w.scale[k] >= least) continue;
    w.scale[k] = std::nextafter(static_cast<float>(least), std::numeric_limits<float>::infinity());
    quantize_row(std::span(from).subspan(k * each, each), {w.scale[k], 0, -127, 127},
                 w.values.mutable_data<int8_t>() + k * each);
  }
}

nn::IntegerLayer integer_layer(const nn::GraphLayer& from, int bits, float x_scale, const PostTrainingOptions& o) {
  nn::IntegerLayer layer{.shape = from, .bits = bits, .weights = {}, .weight_scale = {}, .bias = {}, .real_bias = {}};
  if (!from.has_weights()) return layer;
  QuantizedWeights w = quantize_weights(from.weight, bits, o.is_per_channel, o.weight_range);
  if (!o.is_dynamic && bits > 1) widen_for_bias(w, from.weight, from.bias, x_scale);
  layer.weights = w.values;
  layer.weight_scale = w.scale;
  if (o.is_dynamic)
    layer.real_bias = from.bias.to_vector<float>();
  else
    round_bias(layer, from.bias, x_scale);
  return layer;
}

}  // namespace

void quantize_row(std::span<const float> row, const LinearScale& scale, int8_t* to) {
  for (const float w : row) *to++ = static_cast<int8_t>(quantized(w, scale));
}

bool passes_on(const nn::GraphLayer& layer) {
  return layer.kind == nn::LayerKind::max_pool || layer.kind == nn::LayerKind::flatten;
}

void round_bias(nn::IntegerLayer& layer, const Tensor& bias, float x_scale) {
  const std::vector<float> real = bias.to_vector<float>();
  std::vector<int32_t> integers(real.size());
  for (size_t k = 0; k < real.size(); ++k) {
    const double unit = static_cast<double>(x_scale) * layer.weight_scale[k];
    integers[k] = static_cast<int32_t>(std::nearbyint(std::clamp(real[k] / unit, -ops::kMostBias, ops::kMostBias)));
  }
  layer.bias = Tensor::from(integers, Shape{std::ssize(integers)});
}

QuantizedWeights quantize_weights(const Tensor& w, int bits, bool per_channel, WeightRange range) {
  const std::vector<float> values = w.to_vector<float>();
  const size_t rows = static_cast<size_t>(w.shape()[0]), each = rows == 0 ? 0 : values.size() / rows;
  for (const float v : values)
    if (!std::isfinite(v)) throw NumericError("quantize: a weight of " + text(w) + " is not finite");
  QuantizedWeights q{Tensor::empty(w.shape(), bits == 16 ? DType::s32 : DType::s8), {}};
  const LinearScale whole = per_channel ? LinearScale{} : scale_of(values, bits, range);
  for (size_t k = 0; k < rows; ++k) {
    const std::span<const float> row = std::span(values).subspan(k * each, each);
    const LinearScale s = per_channel ? scale_of(row, bits, range) : whole;
    q.scale.push_back(s.scale);
    if (bits == 16) {
      std::transform(row.begin(), row.end(), q.values.mutable_data<int32_t>() + k * each,
                     [&](float v) { return quantized(v, s); });
      continue;
    }
    int8_t* const to = q.values.mutable_data<int8_t>() + k * each;
    if (bits == 1)
      std::transform(row.begin(), row.end(), to, [](float v) { return static_cast<int8_t>(v >= 0 ? 1 : -1); });
    else
      quantize_row(row, s, to);
  }
  return q;
}

nn::IntegerSpec quantize_after_training(const nn::Graph& graph, const Statistics& statistics,
                                        const PostTrainingOptions& options, const std::string& model) {
  if (statistics.values.size() != graph.layers.size() + 1)
    throw ArgumentError("quantize: statistics of " + std::to_string(statistics.values.size()) + " values for " +
                        std::to_string(graph.layers.size()) + " layers");
  const Decision decision(graph, options);
  nn::IntegerSpec spec{
      .model = model, .input = graph.input, .is_dynamic = options.is_dynamic, .values = {}, .layers = {}};
  PostTrainingOptions at_input = options;
  at_input.clip.mode = ClipMode::none;  // pixels: their range is known
  spec.values.push_back(value_quant(statistics.values[0], at_input, 8, false));
  for (size_t i = 0; i < graph.layers.size(); ++i) {
    const nn::GraphLayer& layer = graph.layers[i];
    const LayerBits bits = decision.bits(static_cast<int64_t>(i));
    const nn::ValueQuant x = spec.values[static_cast<size_t>(layer.input)];
    spec.layers.push_back(integer_layer(layer, bits.weights, x.scale, options));
    const bool last = i + 1 == graph.layers.size();
    spec.values.push_back(passes_on(layer) ? x
                          : last           ? nn::ValueQuant{}
                                           : value_quant(statistics.values[i + 1], options, bits.activations,
                                                         is_rectified(graph, static_cast<int64_t>(i + 1))));
  }
  return spec;
}

}  // namespace pith::compress
