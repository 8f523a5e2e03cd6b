// The slow twin of nn/integer_network.h: the same spec over plain arrays, in 64-bit integers and the reference
// requantisation. Shares no code with the kernels.
#pragma once

#include <vector>

#include "nn/integer_network.h"
#include "tensor/ops/conv2d_s8_reference.h"

namespace pith::test {

struct TwinValues {
  std::vector<std::vector<uint8_t>> integers;  ///< one a value, plain [n, ...]; the last is empty
  std::vector<float> logits;
};

inline Shape batch_of(int64_t n, const Shape& image) {
  return image.rank() == 3 ? Shape{n, image[0], image[1], image[2]} : Shape{n, image[0], 1, 1};
}

class IntegerTwin {
 public:
  IntegerTwin(const nn::IntegerSpec& spec, const Tensor& images) : spec_(spec), n_(images.shape()[0]) {
    const nn::ValueQuant& q = spec.values[0];
    std::vector<uint8_t> input;
    for (const float x : images.to_vector<float>()) {
      const double nearest = static_cast<double>(std::nearbyint(x / q.scale)) + q.zero_point;
      input.push_back(static_cast<uint8_t>(std::clamp<double>(nearest, 0, 255)));
    }
    values_.integers.push_back(std::move(input));
    for (size_t i = 0; i < spec.layers.size(); ++i) run(i);
  }
  const TwinValues& values() const { return values_; }

 private:
  Shape shape(int64_t value) const {
    return batch_of(n_, value == 0 ? spec_.input : spec_.layers[static_cast<size_t>(value - 1)].shape.output);
  }

  void run(size_t i) {
    const nn::GraphLayer& g = spec_.layers[i].shape;
    const auto& x = values_.integers[static_cast<size_t>(g.input)];
    if (g.kind == nn::LayerKind::flatten) return values_.integers.push_back(x);
    if (g.kind == nn::LayerKind::max_pool) return values_.integers.push_back(pooled(i, x));
    if (g.kind == nn::LayerKind::mean_pool) return values_.integers.push_back(averaged(i, x));
    if (g.kind == nn::LayerKind::requantize) return values_.integers.push_back(requantized(i, x));
    product(i, x);
  }

  std::vector<uint8_t> pooled(size_t i, const std::vector<uint8_t>& x) const {
    const nn::GraphLayer& g = spec_.layers[i].shape;
    const Shape in = shape(g.input), out = shape(static_cast<int64_t>(i + 1));
    std::vector<uint8_t> y;
    for (int64_t plane = 0; plane < in[0] * in[1]; ++plane)
      for (int64_t r = 0; r < out[2]; ++r)
        for (int64_t c = 0; c < out[3]; ++c) {
          uint8_t best = 0;
          for (int64_t a = 0; a < g.kernel[0]; ++a)
            for (int64_t b = 0; b < g.kernel[1]; ++b) {
              const int64_t row = r * g.window.stride[0] + a - g.window.padding[0];
              const int64_t column = c * g.window.stride[1] + b - g.window.padding[1];
              if (row < 0 || row >= in[2] || column < 0 || column >= in[3]) continue;
              best = std::max(best, x[static_cast<size_t>((plane * in[2] + row) * in[3] + column)]);
            }
          y.push_back(best);
        }
    return y;
  }

  std::vector<uint8_t> averaged(size_t i, const std::vector<uint8_t>& x) const {
    const Shape in = shape(spec_.layers[i].shape.input);
    const nn::ValueQuant &from = spec_.values[static_cast<size_t>(spec_.layers[i].shape.input)],
                         &to = spec_.values[i + 1];
    const int64_t pixels = in[2] * in[3];
    const float scale = nn::requantization(from.scale, 1.0f / static_cast<float>(pixels), to.scale);
    std::vector<uint8_t> y;
    for (int64_t plane = 0; plane < in[0] * in[1]; ++plane) {
      int64_t sum = 0;
      for (int64_t p = 0; p < pixels; ++p) sum += x[static_cast<size_t>(plane * pixels + p)] - from.zero_point;
      y.push_back(std::min<uint8_t>(ops::reference::requantize(sum, scale, 0, to.zero_point, false),
                                    static_cast<uint8_t>(to.highest())));
    }
    return y;
  }

  std::vector<uint8_t> requantized(size_t i, const std::vector<uint8_t>& x) const {
    const nn::ValueQuant &from = spec_.values[static_cast<size_t>(spec_.layers[i].shape.input)],
                         &to = spec_.values[i + 1];
    const float scale = nn::requantization(from.scale, 1, to.scale);
    std::vector<uint8_t> y;
    for (const uint8_t q : x)
      y.push_back(std::min<uint8_t>(ops::reference::requantize(q - from.zero_point, scale, 0, to.zero_point, false),
                                    static_cast<uint8_t>(to.highest())));
    return y;
  }

  void product(size_t i, const std::vector<uint8_t>& x) {
    const nn::IntegerLayer& layer = spec_.layers[i];
    const nn::GraphLayer& g = layer.shape;
    const nn::ValueQuant &from = spec_.values[static_cast<size_t>(g.input)], &to = spec_.values[i + 1];
    Shape ws = layer.weights.shape();
    if (ws.rank() == 2) ws = Shape{ws[0], ws[1], 1, 1};
    const Shape in = shape(g.input), out = shape(static_cast<int64_t>(i + 1));
    std::vector<int64_t> sums(static_cast<size_t>(out.numel()), 0);
    ops::reference::conv2d_s8(x.data(), from.zero_point, layer.weights.data<int8_t>(), sums.data(), in, ws, out,
                              g.window);
    const int64_t pixels = out[2] * out[3];
    const bool last = i + 1 == spec_.layers.size();
    std::vector<uint8_t> y;
    for (size_t p = 0; p < sums.size(); ++p) {
      const int64_t k = static_cast<int64_t>(p) / pixels % out[1];
      const int64_t sum = sums[p] + layer.bias.data<int32_t>()[k];
      const float scale =
          nn::requantization(from.scale, layer.weight_scale[static_cast<size_t>(k)], last ? 1 : to.scale);
      if (last) {
        values_.logits.push_back(static_cast<float>(sum) * scale);
        continue;
      }
      float residual = 0;
      if (g.residual >= 0) {
        const nn::ValueQuant& r = spec_.values[static_cast<size_t>(g.residual)];
        residual = ops::reference::residual_term(values_.integers[static_cast<size_t>(g.residual)][p], r.zero_point,
                                                 nn::requantization(r.scale, 1, to.scale));
      }
      y.push_back(std::min<uint8_t>(ops::reference::requantize(sum, scale, residual, to.zero_point, g.relu),
                                    static_cast<uint8_t>(to.highest())));
    }
    values_.integers.push_back(std::move(y));
  }

  const nn::IntegerSpec& spec_;
  int64_t n_;
  TwinValues values_;
};

}  // namespace pith::test
