#include "compress/schedule/layer_samples.h"

#include <algorithm>

#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace pith::compress {
namespace {

/// Drawn from one call: ten calls are as many points as a layer of 64 channels has unknowns, four times over.
constexpr int64_t kPoints = 256;

/// A layer as a convolution: a linear layer is one of a single pixel.
struct Geometry {
  Window window;
  int64_t in = 1, kh = 1, kw = 1;
  std::vector<float> bias;  ///< empty for none
};

Geometry geometry_of(const std::string& name, nn::Module& layer) {
  Geometry g;
  nn::Parameter* bias = nullptr;
  if (auto* const conv = dynamic_cast<nn::Conv2d*>(&layer)) {
    if (conv->window().groups != 1)
      throw ArgumentError("reconstruction: " + name + " is a convolution in groups, which cannot be fitted");
    const Shape& w = conv->weight().shape();
    g = {conv->window(), w[1], w[2], w[3], {}};
    bias = conv->bias();
  } else if (auto* const linear = dynamic_cast<nn::Linear*>(&layer)) {
    g.in = linear->weight().shape()[1];
    bias = linear->bias();
  } else {
    throw ArgumentError("reconstruction: " + name + " is neither a convolution nor a linear layer");
  }
  if (bias != nullptr) g.bias = bias->value().to_vector<float>();
  return g;
}

/// [n, c] as [n, c, 1, 1].
std::array<int64_t, 4> image_extents(const Shape& s) {
  return {s[0], s[1], s.rank() == 4 ? s[2] : 1, s.rank() == 4 ? s[3] : 1};
}

struct Point {
  int64_t n, h, w;  ///< image, and pixel of the output
};

void append_window(std::vector<float>& into, const std::vector<float>& x, const std::array<int64_t, 4>& extents,
                   const Geometry& g, const Point& p) {
  const auto [n, c, height, width] = extents;
  for (int64_t i = 0; i < g.in; ++i)
    for (int64_t a = 0; a < g.kh; ++a)
      for (int64_t b = 0; b < g.kw; ++b) {
        const int64_t row = p.h * g.window.stride[0] - g.window.padding[0] + a * g.window.dilation[0];
        const int64_t column = p.w * g.window.stride[1] - g.window.padding[1] + b * g.window.dilation[1];
        const bool inside = row >= 0 && row < height && column >= 0 && column < width;
        into.push_back(inside ? x[static_cast<size_t>(((p.n * c + i) * height + row) * width + column)] : 0);
      }
}

}  // namespace

void LayerSamples::start(std::vector<std::string> layers, uint64_t seed) {
  layers_.clear();
  seed_ = seed;
  for (std::string& layer : layers) layers_[std::move(layer)] = {};
}

void LayerSamples::look(const std::string& name, nn::Module& layer, const Tensor& x, const Tensor& y) {
  const auto found = layers_.find(name);
  if (found == layers_.end()) return;
  Drawn& d = found->second;
  const Geometry g = geometry_of(name, layer);
  const std::array<int64_t, 4> in = image_extents(x.shape()), out = image_extents(y.shape());
  const std::vector<float> xs = x.to_vector<float>(), ys = y.to_vector<float>();
  d.width = g.in * g.kh * g.kw;
  d.out = out[1];
  Random random({seed_, Purpose::mask, static_cast<uint32_t>(d.calls++),
                 static_cast<uint64_t>(std::distance(layers_.begin(), found))});
  const int64_t pixels = out[2] * out[3], all = out[0] * pixels;
  for (int64_t k = 0; k < std::min(kPoints, all); ++k) {
    const int64_t i = random.below(all);
    const Point p{i / pixels, i % pixels / out[3], i % out[3]};
    append_window(d.inputs, xs, in, g, p);
    for (int64_t o = 0; o < d.out; ++o) {
      const float value = ys[static_cast<size_t>((p.n * d.out + o) * pixels + p.h * out[3] + p.w)];
      d.outputs.push_back(g.bias.empty() ? value : value - g.bias[static_cast<size_t>(o)]);
    }
  }
}

Samples LayerSamples::of(const std::string& layer) const {
  const auto found = layers_.find(layer);
  if (found == layers_.end() || found->second.calls == 0)
    throw ArgumentError("reconstruction: the layer " + layer + " was not seen at work");
  const Drawn& d = found->second;
  return {Tensor::from(d.inputs, {std::ssize(d.inputs) / d.width, d.width}),
          Tensor::from(d.outputs, {std::ssize(d.outputs) / d.out, d.out})};
}

void LayerSamples::save(State& state, const std::string& prefix) const {
  for (const auto& [layer, d] : layers_) {
    state[prefix + layer + "/calls"] = numbers_of({static_cast<double>(d.calls), static_cast<double>(seed_)});
    if (d.calls == 0) continue;
    const Samples s = of(layer);
    state[prefix + layer + "/inputs"] = s.inputs;
    state[prefix + layer + "/outputs"] = s.outputs;
  }
}

void LayerSamples::load(const State& state, const std::string& prefix) {
  layers_.clear();
  const std::string suffix = "/calls";
  for (const auto& [name, facts] : state) {
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
    const std::string layer = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
    const std::vector<double> numbers = facts.to_vector<double>();
    Drawn& d = layers_[layer];
    d.calls = static_cast<int64_t>(numbers.at(0));
    seed_ = static_cast<uint64_t>(numbers.at(1));
    if (d.calls == 0) continue;
    const auto inputs = state.find(prefix + layer + "/inputs"), outputs = state.find(prefix + layer + "/outputs");
    if (inputs == state.end() || outputs == state.end())
      throw FormatError("schedule state: the samples of " + layer + " are not whole");
    d.inputs = inputs->second.to_vector<float>();
    d.outputs = outputs->second.to_vector<float>();
    d.width = inputs->second.shape()[1];
    d.out = outputs->second.shape()[1];
  }
}

}  // namespace pith::compress
