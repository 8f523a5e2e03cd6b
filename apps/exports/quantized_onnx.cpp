#include "apps/exports/quantized_onnx.h"

#include "apps/exports/onnx_graph.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

using nn::LayerKind;
using Integers = std::vector<int64_t>;

Integers pads_of(const Window& w) { return {w.padding[0], w.padding[1], w.padding[0], w.padding[1]}; }

class QuantizedGraph {
 public:
  explicit QuantizedGraph(const nn::IntegerSpec& spec) : spec_(spec) {
    if (spec.is_dynamic)
      throw ArgumentError(
          "export: this network has dynamic ranges, which are measured in use; ONNX's form wants the fixed ones of "
          "`pith quantize --method static`");
  }

  std::string write(const std::string& name) {
    add_grid("image", 0);
    for (size_t i = 0; i < spec_.layers.size(); ++i) add_layer(i);
    const Shape& classes = spec_.layers.back().shape.output;
    return graph_.model(name, spec_.input, Shape{1, classes.numel()});
  }

 private:
  bool is_last(size_t i) const { return i + 1 == spec_.layers.size(); }
  std::string value_name(int64_t value) const {
    return value == 0 ? "image" : spec_.layers[static_cast<size_t>(value - 1)].shape.name;
  }
  /// On its grid of integers, as a real number.
  std::string on_grid(int64_t value) const { return value_name(value) + ".grid"; }

  /// The real `name` to the grid of a value and back.
  void add_grid(const std::string& name, int64_t value) {
    const nn::ValueQuant& q = spec_.values[static_cast<size_t>(value)];
    const std::string of = value_name(value);
    const std::string scale = graph_.add_float(of + ".scale", q.scale);
    const std::string zero = graph_.add_byte(of + ".zero_point", static_cast<uint8_t>(q.zero_point));
    std::string real = name;
    if (q.bits < 8) {
      const auto end = [&](int32_t level) { return static_cast<float>(level - q.zero_point) * q.scale; };
      real = of + ".clipped";
      graph_.add_node(
          "Clip", of + ".clip",
          {name, graph_.add_float(of + ".lowest", end(0)), graph_.add_float(of + ".highest", end(q.highest()))}, real);
    }
    graph_.add_node("QuantizeLinear", of + ".quantize", {real, scale, zero}, of + ".integers");
    graph_.add_node("DequantizeLinear", of + ".dequantize", {of + ".integers", scale, zero}, on_grid(value));
  }

  void add_layer(size_t i) {
    const nn::GraphLayer& g = spec_.layers[i].shape;
    std::string last = product(i);
    if (g.residual >= 0) {
      graph_.add_node("Add", g.name + ".add", {last, on_grid(g.residual)}, g.name + ".sum");
      last = g.name + ".sum";
    }
    if (is_last(i)) return graph_.add_node("Identity", g.name + ".out", {last}, "logits");
    if (g.relu) {
      graph_.add_node("Relu", g.name + ".relu", {last}, g.name + ".rectified");
      last = g.name + ".rectified";
    }
    add_grid(last, static_cast<int64_t>(i + 1));
  }

  /// The layer's operator alone; the name of what it puts out.
  std::string product(size_t i) {
    const nn::GraphLayer& g = spec_.layers[i].shape;
    const std::string x = on_grid(g.input);
    if (g.kind == LayerKind::requantize) return x;
    if (g.kind == LayerKind::conv)
      add_conv(spec_.layers[i], x);
    else if (g.kind == LayerKind::linear)
      graph_.add_node("Gemm", g.name, {x, weights(spec_.layers[i]), bias(spec_.layers[i])}, g.name,
                      {onnx_attribute("transB", int64_t{1})});
    else if (g.kind == LayerKind::max_pool)
      graph_.add_node("MaxPool", g.name, {x}, g.name,
                      {onnx_attribute("kernel_shape", Integers{g.kernel[0], g.kernel[1]}),
                       onnx_attribute("pads", pads_of(g.window)),
                       onnx_attribute("strides", Integers{g.window.stride[0], g.window.stride[1]})});
    else if (g.kind == LayerKind::mean_pool)
      graph_.add_node("GlobalAveragePool", g.name, {x}, g.name);
    else
      graph_.add_node("Flatten", g.name, {x}, g.name, {onnx_attribute("axis", int64_t{1})});
    return g.name;
  }

  void add_conv(const nn::IntegerLayer& layer, const std::string& x) {
    const nn::GraphLayer& g = layer.shape;
    const Shape& shape = layer.weights.shape();
    const Window& w = g.window;
    graph_.add_node(
        "Conv", g.name, {x, weights(layer), bias(layer)}, g.name,
        {onnx_attribute("dilations", Integers{w.dilation[0], w.dilation[1]}), onnx_attribute("group", w.groups),
         onnx_attribute("kernel_shape", Integers{shape[2], shape[3]}), onnx_attribute("pads", pads_of(w)),
         onnx_attribute("strides", Integers{w.stride[0], w.stride[1]})});
  }

  std::string weights(const nn::IntegerLayer& layer) {
    return constant(layer.shape.name + ".weight", layer.weights, layer.weight_scale, DType::s8);
  }
  std::string bias(const nn::IntegerLayer& layer) {
    const float x = spec_.values[static_cast<size_t>(layer.shape.input)].scale;
    std::vector<float> scale;
    for (const float s : layer.weight_scale) scale.push_back(x * s);
    return constant(layer.shape.name + ".bias", layer.bias, scale, DType::s32);
  }
  /// Integers with a scale a row, as real numbers.
  std::string constant(const std::string& name, const Tensor& integers, const std::vector<float>& scale, DType type) {
    const Shape rows{std::ssize(scale)};
    graph_.add_node(
        "DequantizeLinear", name + ".dequantize",
        {graph_.add_tensor(name + ".integers", integers), graph_.add_tensor(name + ".scale", Tensor::from(scale, rows)),
         graph_.add_tensor(name + ".zero_point", Tensor::zeros(rows, type))},
        name, {onnx_attribute("axis", int64_t{0})});
    return name;
  }

  const nn::IntegerSpec& spec_;
  OnnxGraph graph_;
};

}  // namespace

std::string quantized_onnx(const nn::IntegerSpec& spec, const std::string& name) {
  return QuantizedGraph(spec).write(name);
}

}  // namespace pith::apps
