#include "apps/exports/onnx_file.h"

#include <utility>
#include <vector>

#include "apps/exports/onnx_graph.h"
#include "nn/layers/activation.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/dropout.h"
#include "nn/layers/join.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/trace.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

using Integers = std::vector<int64_t>;
using Names = OnnxGraph::Names;

class TracedGraph {
 public:
  explicit TracedGraph(std::vector<nn::TraceStep> steps) : steps_(std::move(steps)) {}

  std::string write(const Shape& image, const std::string& name) {
    for (size_t i = 0; i < steps_.size(); ++i) add_step(i);
    return graph_.model(name, image, steps_.back().output);
  }

 private:
  std::string output_of(int64_t step) const {
    if (step < 0) return "image";
    return step + 1 == std::ssize(steps_) ? "logits" : steps_[static_cast<size_t>(step)].name;
  }

  /// The layer's inputs by name, flattened first where it sees fewer axes than its writer gave.
  Names inputs_of(const nn::TraceStep& s) {
    Names names;
    for (const int64_t from : s.inputs) names.push_back(output_of(from));
    const int64_t from = s.inputs[0];
    const bool given_planes = from < 0 || steps_[static_cast<size_t>(from)].output.rank() == 4;
    if (s.input.rank() == 2 && given_planes) {
      graph_.add_node("Flatten", s.name + ".flatten", {names[0]}, s.name + ".flat",
                      {onnx_attribute("axis", int64_t{1})});
      names[0] = s.name + ".flat";
    }
    return names;
  }

  void add_step(size_t i) {
    const nn::TraceStep& s = steps_[i];
    const Names in = inputs_of(s);
    const std::string out = output_of(static_cast<int64_t>(i));
    nn::Module* const layer = s.layer;
    if (auto* const conv = dynamic_cast<nn::Conv2d*>(layer)) return add_conv(s.name, *conv, in, out);
    if (auto* const linear = dynamic_cast<nn::Linear*>(layer)) return add_linear(s.name, *linear, in, out);
    if (auto* const norm = dynamic_cast<nn::BatchNorm2d*>(layer)) return add_norm(s.name, *norm, in, out);
    if (auto* const pool = dynamic_cast<nn::MaxPool2d*>(layer)) return add_pool(s.name, *pool, in, out);
    if (s.layer->type() == "SubsamplePad") return add_subsample(s, in, out);
    if (dynamic_cast<nn::Concat*>(layer) != nullptr)
      return graph_.add_node("Concat", s.name, in, out, {onnx_attribute("axis", int64_t{1})});
    if (dynamic_cast<nn::EltwiseAdd*>(layer) != nullptr) return graph_.add_node("Add", s.name, in, out);
    if (dynamic_cast<nn::GlobalAvgPool*>(layer) != nullptr)
      return graph_.add_node("GlobalAveragePool", s.name, in, out);
    if (dynamic_cast<nn::Flatten*>(layer) != nullptr)
      return graph_.add_node("Flatten", s.name, in, out, {onnx_attribute("axis", int64_t{1})});
    if (dynamic_cast<nn::Dropout*>(layer) != nullptr) return graph_.add_node("Identity", s.name, in, out);
    if (!add_activation(s.name, *layer, in, out))
      throw ArgumentError("onnx: " + s.name + " is a " + std::string(layer->type()) + ", which has no form there yet");
  }

  bool add_activation(const std::string& name, nn::Module& layer, const Names& in, const std::string& out) {
    if (auto* const clip = dynamic_cast<nn::ClippedReLU*>(&layer)) {
      const auto limit = static_cast<float>(clip->limit());
      graph_.add_node("Clip", name, {in[0], graph_.add_float(name + ".min", 0), graph_.add_float(name + ".max", limit)},
                      out);
      return true;
    }
    const std::string_view type = layer.type();
    for (const auto& [ours, theirs] : {std::pair{"ReLU", "Relu"}, {"Sigmoid", "Sigmoid"}, {"Tanh", "Tanh"}}) {
      if (type != ours) continue;
      graph_.add_node(theirs, name, in, out);
      return true;
    }
    return false;
  }

  void add_conv(const std::string& name, nn::Conv2d& conv, const Names& in, const std::string& out) {
    const Window& w = conv.window();
    const Shape shape = conv.weight().shape();
    Names inputs{in[0], graph_.add_tensor(name + ".weight", conv.weight().value())};
    if (conv.bias() != nullptr) inputs.push_back(graph_.add_tensor(name + ".bias", conv.bias()->value()));
    graph_.add_node(
        "Conv", name, inputs, out,
        {onnx_attribute("dilations", Integers{w.dilation[0], w.dilation[1]}), onnx_attribute("group", w.groups),
         onnx_attribute("kernel_shape", Integers{shape[2], shape[3]}), onnx_attribute("pads", pads_of(w)),
         onnx_attribute("strides", Integers{w.stride[0], w.stride[1]})});
  }
  static Integers pads_of(const Window& w) { return {w.padding[0], w.padding[1], w.padding[0], w.padding[1]}; }

  void add_linear(const std::string& name, nn::Linear& linear, const Names& in, const std::string& out) {
    Names inputs{in[0], graph_.add_tensor(name + ".weight", linear.weight().value())};
    if (linear.bias() != nullptr) inputs.push_back(graph_.add_tensor(name + ".bias", linear.bias()->value()));
    graph_.add_node("Gemm", name, inputs, out, {onnx_attribute("transB", int64_t{1})});
  }

  void add_norm(const std::string& name, nn::BatchNorm2d& norm, const Names& in, const std::string& out) {
    if (norm.is_identity()) return graph_.add_node("Identity", name, in, out);
    graph_.add_node("BatchNormalization", name,
                    {in[0], graph_.add_tensor(name + ".weight", norm.weight().value()),
                     graph_.add_tensor(name + ".bias", norm.bias().value()),
                     graph_.add_tensor(name + ".running_mean", norm.running_mean()),
                     graph_.add_tensor(name + ".running_var", norm.running_var())},
                    out, {onnx_attribute("epsilon", norm.epsilon())});
  }

  void add_pool(const std::string& name, nn::MaxPool2d& pool, const Names& in, const std::string& out) {
    const Window& w = pool.window();
    graph_.add_node(
        "MaxPool", name, in, out,
        {onnx_attribute("kernel_shape", Integers{pool.kernel()[0], pool.kernel()[1]}),
         onnx_attribute("pads", pads_of(w)), onnx_attribute("strides", Integers{w.stride[0], w.stride[1]})});
  }

  /// Every stride-th pixel, channels padded with zeros: half before, half after.
  void add_subsample(const nn::TraceStep& s, const Names& in, const std::string& out) {
    const int64_t stride = (s.input[2] + s.output[2] - 1) / s.output[2];
    const int64_t more = s.output[1] - s.input[1];
    graph_.add_node(
        "Slice", s.name + ".subsample",
        {in[0], graph_.add_integers(s.name + ".starts", {0, 0}),
         graph_.add_integers(s.name + ".ends", {s.input[2], s.input[3]}), graph_.add_integers(s.name + ".axes", {2, 3}),
         graph_.add_integers(s.name + ".steps", {stride, stride})},
        s.name + ".subsampled");
    graph_.add_node(
        "Pad", s.name,
        {s.name + ".subsampled", graph_.add_integers(s.name + ".pads", {0, more / 2, 0, 0, 0, more - more / 2, 0, 0})},
        out);
  }

  std::vector<nn::TraceStep> steps_;
  OnnxGraph graph_;
};

}  // namespace

std::string onnx_text(nn::Module& model, const Shape& image, const std::string& name) {
  return TracedGraph(nn::trace(model, image)).write(image, name);
}

}  // namespace pith::apps
