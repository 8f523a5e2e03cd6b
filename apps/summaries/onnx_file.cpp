#include "apps/summaries/onnx_file.h"

#include <algorithm>
#include <span>
#include <vector>

#include "apps/protobuf_wire.h"
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

using namespace wire;
using Integers = std::vector<int64_t>;
constexpr int kFloat = 1, kInteger = 7;  // TensorProto.DataType

// AttributeProto: name 1, f 2, i 3, ints 8, type 20 (FLOAT 1, INT 2, INTS 7).
std::string attribute(const std::string& name, int64_t value) {
  std::string out;
  put_bytes(out, 1, name);
  put_integer(out, 3, value);
  put_integer(out, 20, 2);
  return out;
}
std::string attribute(const std::string& name, double value) {
  std::string out;
  put_bytes(out, 1, name);
  put_float(out, 2, static_cast<float>(value));
  put_integer(out, 20, 1);
  return out;
}
std::string attribute(const std::string& name, const Integers& values) {
  std::string out;
  put_bytes(out, 1, name);
  for (const int64_t v : values) put_integer(out, 8, v);
  put_integer(out, 20, 7);
  return out;
}

// ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1; Tensor: elem_type 1, shape 2; dim 1: value 1 or param 2.
std::string value_info(const std::string& name, const Shape& shape) {
  std::string dims, tensor, type, out;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    std::string dim;
    if (axis == 0)
      put_bytes(dim, 2, "N");
    else
      put_integer(dim, 1, shape[axis]);
    put_bytes(dims, 1, dim);
  }
  put_integer(tensor, 1, kFloat);
  put_bytes(tensor, 2, dims);
  put_bytes(type, 1, tensor);
  put_bytes(out, 1, name);
  put_bytes(out, 2, type);
  return out;
}

class OnnxGraph {
 public:
  explicit OnnxGraph(const std::vector<nn::TraceStep>& steps) : steps_(steps) {}

  /// GraphProto: node 1, name 2, initializer 5, input 11, output 12, value_info 13.
  std::string write(const Shape& image, const std::string& name) {
    for (size_t i = 0; i < steps_.size(); ++i) add_step(i);
    put_bytes(out_, 2, name);
    put_bytes(out_, 11, value_info("image", Shape{1, image[0], image[1], image[2]}));
    put_bytes(out_, 12, value_info("logits", steps_.back().output));
    return out_;
  }

 private:
  using Names = std::vector<std::string>;

  std::string output_of(int64_t step) const {
    if (step < 0) return "image";
    return step + 1 == std::ssize(steps_) ? "logits" : steps_[static_cast<size_t>(step)].name;
  }

  /// NodeProto: input 1, output 2, name 3, op_type 4, attribute 5.
  void add_node(const std::string& type, const std::string& name, const Names& inputs, const std::string& output,
                const std::vector<std::string>& attributes = {}) {
    std::string node;
    for (const std::string& input : inputs) put_bytes(node, 1, input);
    put_bytes(node, 2, output);
    put_bytes(node, 3, name);
    put_bytes(node, 4, type);
    for (const std::string& a : attributes) put_bytes(node, 5, a);
    put_bytes(out_, 1, node);
  }

  /// TensorProto: dims 1, data_type 2, name 8, raw_data 9. Returns the name.
  std::string add_constant(const std::string& name, std::span<const int64_t> dims, int type, std::string_view bytes) {
    std::string tensor;
    for (const int64_t d : dims) put_integer(tensor, 1, d);
    put_integer(tensor, 2, type);
    put_bytes(tensor, 8, name);
    put_bytes(tensor, 9, bytes);
    put_bytes(out_, 5, tensor);
    return name;
  }
  std::string add_floats(const std::string& name, const Tensor& t) {
    const std::vector<float> values = t.to_vector<float>();
    const auto bytes = std::as_bytes(std::span(values));
    return add_constant(name, t.shape().extents(), kFloat, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  std::string add_float(const std::string& name, float value) {
    std::string bytes;
    put(bytes, value);
    return add_constant(name, {}, kFloat, bytes);
  }
  std::string add_integers(const std::string& name, const Integers& values) {
    std::string bytes;
    for (const int64_t v : values) put(bytes, v);
    const Integers dims{std::ssize(values)};
    return add_constant(name, dims, kInteger, bytes);
  }

  /// The layer's inputs by name, flattened first where it sees fewer axes than its writer gave.
  Names inputs_of(const nn::TraceStep& s) {
    Names names;
    for (const int64_t from : s.inputs) names.push_back(output_of(from));
    const int64_t from = s.inputs[0];
    const bool given_planes = from < 0 || steps_[static_cast<size_t>(from)].output.rank() == 4;
    if (s.input.rank() == 2 && given_planes) {
      add_node("Flatten", s.name + ".flatten", {names[0]}, s.name + ".flat", {attribute("axis", int64_t{1})});
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
      return add_node("Concat", s.name, in, out, {attribute("axis", int64_t{1})});
    if (dynamic_cast<nn::EltwiseAdd*>(layer) != nullptr) return add_node("Add", s.name, in, out);
    if (dynamic_cast<nn::GlobalAvgPool*>(layer) != nullptr) return add_node("GlobalAveragePool", s.name, in, out);
    if (dynamic_cast<nn::Flatten*>(layer) != nullptr)
      return add_node("Flatten", s.name, in, out, {attribute("axis", int64_t{1})});
    if (dynamic_cast<nn::Dropout*>(layer) != nullptr) return add_node("Identity", s.name, in, out);
    if (!add_activation(s.name, *layer, in, out))
      throw ArgumentError("onnx: " + s.name + " is a " + std::string(layer->type()) + ", which has no form there yet");
  }

  bool add_activation(const std::string& name, nn::Module& layer, const Names& in, const std::string& out) {
    if (auto* const clip = dynamic_cast<nn::ClippedReLU*>(&layer)) {
      const auto limit = static_cast<float>(clip->limit());
      add_node("Clip", name, {in[0], add_float(name + ".min", 0), add_float(name + ".max", limit)}, out);
      return true;
    }
    const std::string_view type = layer.type();
    for (const auto& [ours, theirs] : {std::pair{"ReLU", "Relu"}, {"Sigmoid", "Sigmoid"}, {"Tanh", "Tanh"}}) {
      if (type != ours) continue;
      add_node(theirs, name, in, out);
      return true;
    }
    return false;
  }

  void add_conv(const std::string& name, nn::Conv2d& conv, const Names& in, const std::string& out) {
    const Window& w = conv.window();
    const Shape shape = conv.weight().shape();
    Names inputs{in[0], add_floats(name + ".weight", conv.weight().value())};
    if (conv.bias() != nullptr) inputs.push_back(add_floats(name + ".bias", conv.bias()->value()));
    add_node("Conv", name, inputs, out,
             {attribute("dilations", Integers{w.dilation[0], w.dilation[1]}), attribute("group", w.groups),
              attribute("kernel_shape", Integers{shape[2], shape[3]}), attribute("pads", pads_of(w)),
              attribute("strides", Integers{w.stride[0], w.stride[1]})});
  }
  static Integers pads_of(const Window& w) { return {w.padding[0], w.padding[1], w.padding[0], w.padding[1]}; }

  void add_linear(const std::string& name, nn::Linear& linear, const Names& in, const std::string& out) {
    Names inputs{in[0], add_floats(name + ".weight", linear.weight().value())};
    if (linear.bias() != nullptr) inputs.push_back(add_floats(name + ".bias", linear.bias()->value()));
    add_node("Gemm", name, inputs, out, {attribute("transB", int64_t{1})});
  }

  void add_norm(const std::string& name, nn::BatchNorm2d& norm, const Names& in, const std::string& out) {
    if (norm.is_identity()) return add_node("Identity", name, in, out);
    add_node("BatchNormalization", name,
             {in[0], add_floats(name + ".weight", norm.weight().value()),
              add_floats(name + ".bias", norm.bias().value()), add_floats(name + ".running_mean", norm.running_mean()),
              add_floats(name + ".running_var", norm.running_var())},
             out, {attribute("epsilon", norm.epsilon())});
  }

  void add_pool(const std::string& name, nn::MaxPool2d& pool, const Names& in, const std::string& out) {
    const Window& w = pool.window();
    add_node("MaxPool", name, in, out,
             {attribute("kernel_shape", Integers{pool.kernel()[0], pool.kernel()[1]}), attribute("pads", pads_of(w)),
              attribute("strides", Integers{w.stride[0], w.stride[1]})});
  }

  /// Every stride-th pixel, channels padded with zeros: half before, half after.
  void add_subsample(const nn::TraceStep& s, const Names& in, const std::string& out) {
    const int64_t stride = (s.input[2] + s.output[2] - 1) / s.output[2];
    const int64_t more = s.output[1] - s.input[1];
    add_node("Slice", s.name + ".subsample",
             {in[0], add_integers(s.name + ".starts", {0, 0}), add_integers(s.name + ".ends", {s.input[2], s.input[3]}),
              add_integers(s.name + ".axes", {2, 3}), add_integers(s.name + ".steps", {stride, stride})},
             s.name + ".subsampled");
    add_node("Pad", s.name,
             {s.name + ".subsampled", add_integers(s.name + ".pads", {0, more / 2, 0, 0, 0, more - more / 2, 0, 0})},
             out);
  }

  const std::vector<nn::TraceStep>& steps_;
  std::string out_;
};

}  // namespace

// ModelProto: ir_version 1, producer_name 2, producer_version 3, graph 7, opset_import 8 (version 2).
std::string onnx_text(nn::Module& model, const Shape& image, const std::string& name) {
  const std::vector<nn::TraceStep> steps = nn::trace(model, image);
  std::string operators, out;
  put_integer(operators, 2, 13);
  put_integer(out, 1, 7);
  put_bytes(out, 2, "pith");
  put_bytes(out, 3, PITH_VERSION);
  put_bytes(out, 7, OnnxGraph(steps).write(image, name));
  put_bytes(out, 8, operators);
  return out;
}

}  // namespace pith::apps
