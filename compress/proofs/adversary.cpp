#include "compress/proofs/adversary.h"

#include <algorithm>

namespace pith::compress {
namespace {

constexpr int64_t kChannelsAtOnce = 32;

Shape input_shape(const nn::IntegerSpec& spec, size_t layer) {
  const int64_t value = spec.layers[layer].shape.input;
  return value == 0 ? spec.input : spec.layers[static_cast<size_t>(value - 1)].shape.output;
}

/// How a layer reads its input: of mean pooling, one channel over the whole plane.
struct Reading {
  Window window;
  int64_t groups = 1, width = 1, kh = 1, kw = 1;
};

Reading reading_of(const nn::IntegerLayer& layer) {
  const nn::GraphLayer& g = layer.shape;
  if (g.kind == nn::LayerKind::mean_pool)
    return {.window = {.groups = g.output[0]}, .groups = g.output[0], .kh = g.kernel[0], .kw = g.kernel[1]};
  const Shape& w = layer.weights.shape();
  Reading r{.window = g.window, .groups = g.window.groups, .width = w[1]};
  if (w.rank() == 4) r.kh = w[2], r.kw = w[3];
  return r;
}

/// Does some output's window lie wholly inside the image, along this axis?
bool is_inner(int64_t out, int64_t in, int64_t kernel, const Window& w, size_t axis) {
  for (int64_t o = 0; o < out; ++o) {
    const int64_t first = o * w.stride[axis] - w.padding[axis];
    if (first >= 0 && first + (kernel - 1) * w.dilation[axis] < in) return true;
  }
  return false;
}

/// The window alone, without padding: one output an image.
Window alone(const Reading& r) { return {.dilation = r.window.dilation, .groups = r.groups}; }

/// The extents of the window and all channels, or of a linear layer's input.
Shape window_shape(const nn::IntegerSpec& spec, size_t layer) {
  const Shape in = input_shape(spec, layer);
  if (in.rank() != 3) return in;
  const Reading r = reading_of(spec.layers[layer]);
  return {in[0], (r.kh - 1) * r.window.dilation[0] + 1, (r.kw - 1) * r.window.dilation[1] + 1};
}

/// Which bounds of channels [first, last) come back: two flags a channel, lowest and highest.
void try_zero_point(const nn::IntegerSpec& spec, const AccumulatorBound& bound, const ops::IntWeights& w, int64_t first,
                    int64_t last, std::vector<bool>& seen, const KernelTable& table) {
  const size_t layer = static_cast<size_t>(bound.index);
  std::vector<uint8_t> bytes;
  for (int64_t k = first; k < last; ++k)
    for (const bool largest : {false, true}) {
      const std::vector<uint8_t> one = worst_input(spec, layer, k, largest, w.zero_point);
      bytes.insert(bytes.end(), one.begin(), one.end());
    }
  std::vector<int64_t> extents{2 * (last - first)};
  const Shape image = window_shape(spec, layer);
  extents.insert(extents.end(), image.extents().begin(), image.extents().end());
  const ops::QuantizedTensor x{Tensor::from(bytes, Shape(extents)), 1, w.zero_point};
  const Tensor y = layer_sums(spec.layers[layer], w, x, alone(reading_of(spec.layers[layer])), table);
  const std::vector<double> sums = y.to_vector<double>();
  for (int64_t i = 0; i < extents[0]; ++i) {
    const int64_t k = first + i / 2;
    const SumBound& b = bound.channels[static_cast<size_t>(k)];
    const int64_t wanted = i % 2 == 0 ? b.lowest : b.highest;
    const double exact = w.parts.empty() ? static_cast<double>(wanted) : static_cast<float>(wanted);
    if (sums[static_cast<size_t>(i * y.shape()[1] + k)] == exact) seen[static_cast<size_t>(k * 2 + i % 2)] = true;
  }
}

}  // namespace

Tensor layer_sums(const nn::IntegerLayer& layer, const ops::IntWeights& w, const ops::QuantizedTensor& x,
                  const Window& window, const KernelTable& table) {
  const bool wide = !w.parts.empty();
  const ops::IntTarget to{.dtype = wide ? DType::f32 : DType::s32,
                          .scale = std::vector<float>(wide ? static_cast<size_t>(w.shape[0]) : 0, 1.0f)};
  return layer.shape.kind == nn::LayerKind::linear ? ops::linear_s8(x, w, to, table)
                                                   : ops::conv2d_s8(x, w, window, to, table);
}

Window window_of(const nn::IntegerLayer& layer) { return reading_of(layer).window; }

bool has_inner_window(const nn::IntegerSpec& spec, size_t layer) {
  const nn::GraphLayer& g = spec.layers[layer].shape;
  if (g.kind == nn::LayerKind::linear || g.kind == nn::LayerKind::mean_pool) return true;
  const Reading r = reading_of(spec.layers[layer]);
  const Shape in = input_shape(spec, layer);
  return is_inner(g.output[1], in[1], r.kh, r.window, 0) && is_inner(g.output[2], in[2], r.kw, r.window, 1);
}

std::vector<uint8_t> worst_input(const nn::IntegerSpec& spec, size_t layer, int64_t k, bool largest,
                                 int32_t zero_point) {
  const nn::IntegerLayer& l = spec.layers[layer];
  const Reading r = reading_of(l);
  const Shape window = window_shape(spec, layer);
  const int64_t height = window.rank() == 3 ? window[1] : 1, width = window.rank() == 3 ? window[2] : 1;
  const uint8_t highest = static_cast<uint8_t>(spec.values[static_cast<size_t>(l.shape.input)].highest());
  std::vector<uint8_t> x(static_cast<size_t>(window.numel()), static_cast<uint8_t>(zero_point));
  const int64_t first = k / (l.shape.output[0] / r.groups) * r.width;
  for (int64_t c = 0; c < r.width; ++c)
    for (int64_t a = 0; a < r.kh; ++a)
      for (int64_t b = 0; b < r.kw; ++b) {
        const int w = l.weights.defined() ? l.weights.data<int8_t>()[((k * r.width + c) * r.kh + a) * r.kw + b] : 1;
        const int64_t row = a * r.window.dilation[0], column = b * r.window.dilation[1];
        if (w != 0)
          x[static_cast<size_t>(((first + c) * height + row) * width + column)] = (w > 0) == largest ? highest : 0;
      }
  return x;
}

std::vector<Attainment> attain_bounds(const nn::IntegerNetwork& network, const std::vector<AccumulatorBound>& bounds,
                                      const KernelTable& table) {
  const nn::IntegerSpec& spec = network.spec();
  std::vector<Attainment> all;
  for (const AccumulatorBound& bound : bounds) {
    const size_t layer = static_cast<size_t>(bound.index);
    const int64_t rows = std::ssize(bound.channels);
    std::vector<bool> seen(static_cast<size_t>(2 * rows), false);
    std::vector<ops::IntWeights> packed;
    if (spec.is_dynamic)  // the zero point that is worst lies at an end of its range
      for (const int32_t zero : {0, network.packed(layer).highest})
        packed.push_back(ops::pack_int_weights(network.packed(layer).values, {}, zero, network.packed(layer).groups,
                                               network.packed(layer).highest));
    else
      packed.push_back(network.packed(layer));
    for (int64_t k = 0; k < rows && has_inner_window(spec, layer); k += kChannelsAtOnce)
      for (const ops::IntWeights& w : packed)
        try_zero_point(spec, bound, w, k, std::min(rows, k + kChannelsAtOnce), seen, table);
    Attainment a{bound.layer, rows, 0};
    for (int64_t k = 0; k < rows; ++k)
      a.attained += seen[static_cast<size_t>(2 * k)] && seen[static_cast<size_t>(2 * k + 1)];
    all.push_back(a);
  }
  return all;
}

}  // namespace pith::compress
