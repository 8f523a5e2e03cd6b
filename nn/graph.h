// Graph: an image network as a list of layers, each with the sum and the ReLU that follow it: what integer inference,
// packing and quantized training work on. A plain value; weights share the bytes of the model they came from.
//
// Values are numbered: 0 is the network's input, i + 1 what layer i puts out. A layer reads earlier values only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nn/module.h"
#include "tensor/formats/mask.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace pith::nn {

/// requantize: the same real numbers on another grid; in f32 it changes nothing.
enum class LayerKind : uint8_t { conv, linear, max_pool, mean_pool, flatten, requantize };
/// "conv", "linear", "max_pool", "mean_pool", "flatten", "requantize".
std::string_view name(LayerKind kind);

struct GraphLayer {
  LayerKind kind = LayerKind::conv;
  std::string name;       ///< of the module that computes it: "layer1.0.conv1"
  int64_t input = 0;      ///< a value
  int64_t residual = -1;  ///< conv: the value that is added before ReLU, or -1
  bool relu = false;
  Window window = {};                      ///< conv and max_pool
  std::array<int64_t, 2> kernel = {1, 1};  ///< of pooling; mean_pool takes the whole plane
  Tensor weight = {}, bias = {};           ///< conv and linear: f32; bias [out], always there
  /// conv: scale and shift of the batch norm that was folded into it, [out], f32; undefined where none was. The scale
  /// is not negative: weights bear its sign.
  Tensor norm_scale = {}, norm_shift = {};
  std::shared_ptr<const Mask> mask = {};  ///< of a pruned weight
  Shape output = {};                      ///< of one image: [c, h, w] or [f]

  bool has_weights() const { return kind == LayerKind::conv || kind == LayerKind::linear; }
};

struct Graph {
  Shape input;  ///< of one image: [c, h, w]
  std::vector<GraphLayer> layers;

  /// Of a value, for one image.
  const Shape& shape(int64_t value) const { return value == 0 ? input : layers[static_cast<size_t>(value - 1)].output; }
  /// "input", or the layer's name.
  std::string value_name(int64_t value) const;
};

/// The layers of a model whose batch norms are folded (nn/fold.h), for images of this shape. Known are convolutions,
/// linear layers, ReLU, max and global average pooling, flattening, residual blocks (nn/models/basic_block.h), and what
/// runs its children in order. Throws ArgumentError naming the first module that is anything else.
Graph graph_of(Module& model, const Shape& image);

/// Looks at value `value` of a batch: f32, in the order of memory that it happens to have.
using GraphProbe = std::function<void(int64_t value, const Tensor& x)>;
/// What the graph computes, in f32, as the model in evaluation does. x: f32 [n, c, h, w], plain -> [n, classes].
Tensor run_graph(const Graph& graph, const Tensor& x, const GraphProbe& probe = nullptr);

}  // namespace pith::nn
