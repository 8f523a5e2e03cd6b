#include "nn/graph.h"

#include <utility>

#include "nn/layers/dropout.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/models/basic_block.h"
#include "tensor/error.h"
#include "tensor/ops/conv2d.h"
#include "tensor/ops/map.h"
#include "tensor/ops/matmul.h"
#include "tensor/ops/pool2d.h"
#include "tensor/ops/rearrange.h"

namespace pith::nn {
namespace {

struct Child {
  std::string name;
  Module* module;
};

std::vector<Child> children_of(Module& m) {
  std::vector<Child> all;
  m.visit_modules([&](const std::string& name, Module& child) {
    if (!name.empty() && name.find('.') == std::string::npos) all.push_back({name, &child});
  });
  return all;
}

Shape joined(const Shape& image) {
  return image.rank() == 3 ? Shape{1, image[0], image[1], image[2]} : Shape{1, image[0]};
}

/// Walks the modules in the order in which they run; `current_` is the value that the next one reads.
class Lowering {
 public:
  explicit Lowering(const Shape& image) { graph_.input = image; }

  void lower(Module& m, const std::string& path) {
    if (auto* const block = dynamic_cast<BasicBlock*>(&m)) return lower_block(*block, path);
    if (auto* const conv = dynamic_cast<Conv2d*>(&m)) return push_conv(*conv, path);
    if (auto* const linear = dynamic_cast<Linear*>(&m)) return push_linear(*linear, path);
    if (auto* const norm = dynamic_cast<BatchNorm2d*>(&m)) return remember_folded(*norm, path);
    if (dynamic_cast<ReLU*>(&m)) return join_relu(path);
    if (auto* const pool = dynamic_cast<MaxPool2d*>(&m)) return push_max_pool(*pool, path);
    if (dynamic_cast<GlobalAvgPool*>(&m)) return push_mean_pool(path);
    if (dynamic_cast<Flatten*>(&m)) return push_flatten(path);
    if (dynamic_cast<Dropout*>(&m)) return;
    if (m.is_leaf() || !runs_in_order(m)) refuse(m, path);
    for (const Child& c : children_of(m)) lower(*c.module, path.empty() ? c.name : path + "." + c.name);
  }
  Graph take() { return std::move(graph_); }

 private:
  static bool runs_in_order(Module& m) {
    return dynamic_cast<Sequential*>(&m) != nullptr || m.type() == "ResNetCifar" || m.type() == "ResNet";
  }
  [[noreturn]] static void refuse(Module& m, const std::string& path) {
    throw ArgumentError("graph: a module of type " + std::string(m.type()) + (path.empty() ? "" : " (" + path + ")") +
                        " has no integer form; known are convolution, linear, ReLU, pooling, flatten, residual blocks");
  }

  const Shape& here() const { return graph_.shape(current_); }
  GraphLayer* last_layer() { return current_ == 0 ? nullptr : &graph_.layers[static_cast<size_t>(current_ - 1)]; }

  void push(GraphLayer layer) {
    layer.input = current_;
    graph_.layers.push_back(std::move(layer));
    current_ = std::ssize(graph_.layers);
  }
  void push_conv(Conv2d& conv, const std::string& path) {
    const Tensor weight = conv.weight().value();
    const Shape y = conv2d_shape(joined(here()), weight.shape(), conv.window());
    push({.kind = LayerKind::conv,
          .name = path,
          .window = conv.window(),
          .weight = weight,
          .bias = conv.bias() != nullptr ? conv.bias()->value() : Tensor::zeros({weight.shape()[0]}),
          .mask = conv.weight().mask(),
          .output = {y[1], y[2], y[3]}});
  }
  void push_linear(Linear& linear, const std::string& path) {
    if (here().rank() == 3) push_flatten(path + ".flatten");
    const Tensor weight = linear.weight().value();
    if (weight.shape()[1] != here()[0])
      throw ShapeError("graph: weight " + text(weight.shape()) + " of " + path + " does not fit " + text(here()));
    push({.kind = LayerKind::linear,
          .name = path,
          .weight = weight,
          .bias = linear.bias() != nullptr ? linear.bias()->value() : Tensor::zeros({weight.shape()[0]}),
          .mask = linear.weight().mask(),
          .output = {weight.shape()[0]}});
  }
  /// Folding left scale and shift where they were.
  void remember_folded(BatchNorm2d& norm, const std::string& path) {
    GraphLayer* const last = last_layer();
    if (!norm.is_identity() || last == nullptr || last->kind != LayerKind::conv)
      throw ArgumentError("graph: batch norm " + path + " is not folded into a convolution before it");
    last->norm_scale = ops::map({MapKind::abs}, norm.weight().value().to(DType::f32));
    last->norm_shift = norm.bias().value().to(DType::f32);
  }
  void join_relu(const std::string& path) {
    GraphLayer* const last = last_layer();
    if (last == nullptr || !last->has_weights() || last->relu)
      throw ArgumentError("graph: ReLU " + path + " follows neither a convolution nor a linear layer");
    last->relu = true;
  }
  void push_max_pool(MaxPool2d& pool, const std::string& path) {
    const auto& k = pool.kernel();
    const Window& w = pool.window();
    push({.kind = LayerKind::max_pool,
          .name = path,
          .window = w,
          .kernel = k,
          .output = {here()[0], window_extent(here()[1], k[0], w.stride[0], w.padding[0], 1, "max_pool2d"),
                     window_extent(here()[2], k[1], w.stride[1], w.padding[1], 1, "max_pool2d")}});
  }
  void push_mean_pool(const std::string& path) {
    push({.kind = LayerKind::mean_pool, .name = path, .kernel = {here()[1], here()[2]}, .output = {here()[0], 1, 1}});
  }
  void push_flatten(const std::string& path) {
    if (here().rank() == 1) return;
    push({.kind = LayerKind::flatten, .name = path, .output = {here().numel()}});
  }

  /// The shortcut first: the last convolution adds it.
  void lower_block(BasicBlock& block, const std::string& path) {
    const std::vector<Child> children = children_of(block);
    const int64_t x = current_;
    int64_t shortcut = -1;
    for (const Child& c : children)
      if (c.name == "downsample") {
        lower(*c.module, path + ".downsample");
        shortcut = current_;
        current_ = x;
      } else if (c.name == "residual_eltwiseadd" && shortcut < 0) {
        shortcut = x;
      }
    for (const Child& c : children) {
      if (c.name == "downsample" || c.name == "residual_eltwiseadd") continue;
      if (c.name == "relu2" && shortcut >= 0) graph_.layers.back().residual = shortcut;
      lower(*c.module, path + "." + c.name);
    }
  }

  Graph graph_;
  int64_t current_ = 0;
};

Tensor run_layer(const GraphLayer& layer, const Tensor& x, const Tensor& residual) {
  switch (layer.kind) {
    case LayerKind::conv:
      return ops::conv2d(x, layer.weight, layer.window, {.bias = layer.bias, .residual = residual, .relu = layer.relu});
    case LayerKind::linear: {
      const Tensor y = ops::linear(x, layer.weight, layer.bias);
      return layer.relu ? ops::map({}, y) : y;
    }
    case LayerKind::max_pool:
      return ops::max_pool2d(x, layer.kernel, layer.window);
    case LayerKind::mean_pool:
      return ops::average_pool2d(x, layer.kernel, {.stride = layer.kernel});
    case LayerKind::requantize:
      return x;
    case LayerKind::flatten:
      return ops::flatten(x);
  }
  return x;
}

}  // namespace

std::string_view name(LayerKind kind) {
  switch (kind) {
    case LayerKind::conv:
      return "conv";
    case LayerKind::linear:
      return "linear";
    case LayerKind::max_pool:
      return "max_pool";
    case LayerKind::mean_pool:
      return "mean_pool";
    case LayerKind::requantize:
      return "requantize";
    case LayerKind::flatten:
      return "flatten";
  }
  return "?";
}

std::string Graph::value_name(int64_t value) const {
  return value == 0 ? "input" : layers[static_cast<size_t>(value - 1)].name;
}

Graph graph_of(Module& model, const Shape& image) {
  if (image.rank() != 3) throw ShapeError("graph: an image is [c, h, w], here is " + text(image));
  Lowering lowering(image);
  lowering.lower(model, "");
  Graph graph = lowering.take();
  if (graph.layers.empty() || !graph.layers.back().has_weights() || graph.layers.back().output.rank() != 1)
    throw ArgumentError("graph: the network does not end in a linear layer");
  return graph;
}

Tensor run_graph(const Graph& graph, const Tensor& x, const GraphProbe& probe) {
  std::vector<Tensor> values{to_lanes(x, 1)};
  if (probe) probe(0, values[0]);
  for (const GraphLayer& layer : graph.layers) {
    const Tensor residual = layer.residual >= 0 ? values[static_cast<size_t>(layer.residual)] : Tensor();
    values.push_back(run_layer(layer, values[static_cast<size_t>(layer.input)], residual));
    if (probe) probe(std::ssize(values) - 1, values.back());
  }
  return values.back();
}

}  // namespace pith::nn
