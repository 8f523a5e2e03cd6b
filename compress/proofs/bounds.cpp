#include "compress/proofs/bounds.h"

#include <algorithm>
#include <bit>

namespace pith::compress {
namespace {

/// Sums of the positive weights and of the negative ones, without their sign.
struct Pull {
  int64_t up = 0, down = 0;
};

Pull pull_of(const nn::IntegerLayer& layer, int64_t k, int64_t depth) {
  Pull p;
  if (!layer.weights.defined()) return {depth, 0};  // mean pooling
  for (int64_t i = 0; i < depth; ++i) {
    const int64_t w = layer.weights.data<int8_t>()[k * depth + i];
    (w > 0 ? p.up : p.down) += std::abs(w);
  }
  return p;
}

SumBound bound_of(const Pull& p, const nn::ValueQuant& x, int64_t bias, bool is_dynamic) {
  const int64_t above = x.highest() - x.zero_point, below = x.zero_point;
  if (is_dynamic) {  // linear in the zero point, which is anything from 0 to the highest
    const int64_t most = std::max(p.up, p.down) * x.highest();
    return {-most, most};
  }
  return {bias - p.up * below - p.down * above, bias + p.up * above + p.down * below};
}

std::string reason_of(const AccumulatorBound& b) {
  std::string reason = std::to_string(b.bits);
  if (b.accumulator == 64)
    reason += " bits are beyond INT32: the depth is cut, the parts are added in INT64";
  else if (b.accumulator == 16)
    reason += " bits: INT16 would hold them; there is no kernel for it, so INT32";
  else
    reason += " bits: too many for INT16, INT32 has " + std::to_string(32 - b.bits) + " to spare";
  return reason;
}

AccumulatorBound bound(const nn::IntegerSpec& spec, size_t i) {
  const nn::IntegerLayer& layer = spec.layers[i];
  const nn::GraphLayer& g = layer.shape;
  const nn::ValueQuant& x = spec.values[static_cast<size_t>(g.input)];
  const bool has_weights = g.has_weights();
  const int64_t rows = has_weights ? layer.weights.shape()[0] : g.output[0];
  AccumulatorBound b{.layer = g.name, .index = static_cast<int64_t>(i), .channels = {}, .reason = {}};
  b.depth = has_weights ? layer.weights.numel() / rows : g.kernel[0] * g.kernel[1];
  b.bits_input = x.bits, b.bits_weights = has_weights ? layer.bits : 1;
  for (int64_t k = 0; k < rows; ++k) {
    const int64_t bias = layer.bias.defined() ? layer.bias.data<int32_t>()[k] : 0;
    b.channels.push_back(bound_of(pull_of(layer, k, b.depth), x, bias, spec.is_dynamic));
    b.lowest = std::min(b.lowest, b.channels.back().lowest);
    b.highest = std::max(b.highest, b.channels.back().highest);
  }
  b.bits = signed_bits(b.lowest, b.highest);
  b.rule_bits = x.bits + b.bits_weights +
                static_cast<int>(std::bit_width(static_cast<uint64_t>(std::max<int64_t>(b.depth - 1, 0))));
  b.accumulator = b.bits <= 16 ? 16 : b.bits <= 32 ? 32 : 64;
  b.kernel = std::max(b.accumulator, 32);
  b.reason = reason_of(b);
  return b;
}

}  // namespace

int signed_bits(int64_t lowest, int64_t highest) {
  const uint64_t widest = static_cast<uint64_t>(std::max({highest, -(lowest + 1), int64_t{0}}));
  return static_cast<int>(std::bit_width(widest)) + 1;
}

std::vector<AccumulatorBound> accumulator_bounds(const nn::IntegerSpec& spec) {
  std::vector<AccumulatorBound> all;
  for (size_t i = 0; i < spec.layers.size(); ++i)
    if (spec.layers[i].shape.has_weights() || spec.layers[i].shape.kind == nn::LayerKind::mean_pool)
      all.push_back(bound(spec, i));
  return all;
}

}  // namespace pith::compress
