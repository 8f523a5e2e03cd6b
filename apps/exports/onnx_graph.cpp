#include "apps/exports/onnx_graph.h"

#include "apps/protobuf_wire.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

using namespace wire;
constexpr int kFloat = 1, kByte = 2, kSignedByte = 3, kInteger = 6, kLong = 7;  // TensorProto.DataType

template <class T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
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

}  // namespace

// AttributeProto: name 1, f 2, i 3, ints 8, type 20 (FLOAT 1, INT 2, INTS 7).
std::string onnx_attribute(const std::string& name, int64_t value) {
  std::string out;
  put_bytes(out, 1, name);
  put_integer(out, 3, value);
  put_integer(out, 20, 2);
  return out;
}
std::string onnx_attribute(const std::string& name, double value) {
  std::string out;
  put_bytes(out, 1, name);
  put_float(out, 2, static_cast<float>(value));
  put_integer(out, 20, 1);
  return out;
}
std::string onnx_attribute(const std::string& name, const std::vector<int64_t>& values) {
  std::string out;
  put_bytes(out, 1, name);
  for (const int64_t v : values) put_integer(out, 8, v);
  put_integer(out, 20, 7);
  return out;
}

// GraphProto: node 1; NodeProto: input 1, output 2, name 3, op_type 4, attribute 5.
void OnnxGraph::add_node(const std::string& type, const std::string& name, const Names& inputs,
                         const std::string& output, const std::vector<std::string>& attributes) {
  std::string node;
  for (const std::string& input : inputs) put_bytes(node, 1, input);
  put_bytes(node, 2, output);
  put_bytes(node, 3, name);
  put_bytes(node, 4, type);
  for (const std::string& a : attributes) put_bytes(node, 5, a);
  put_bytes(out_, 1, node);
}

// GraphProto: initializer 5; TensorProto: dims 1, data_type 2, name 8, raw_data 9.
std::string OnnxGraph::add_constant(const std::string& name, std::span<const int64_t> dims, int type,
                                    std::string_view bytes) {
  std::string tensor;
  for (const int64_t d : dims) put_integer(tensor, 1, d);
  put_integer(tensor, 2, type);
  put_bytes(tensor, 8, name);
  put_bytes(tensor, 9, bytes);
  put_bytes(out_, 5, tensor);
  return name;
}

std::string OnnxGraph::add_tensor(const std::string& name, const Tensor& t) {
  const auto dims = t.shape().extents();
  switch (t.dtype()) {
    case DType::f32:
      return add_constant(name, dims, kFloat, bytes_of(t.to_vector<float>()));
    case DType::s32:
      return add_constant(name, dims, kInteger, bytes_of(t.to_vector<int32_t>()));
    case DType::s8:
      return add_constant(name, dims, kSignedByte, bytes_of(t.to_vector<int8_t>()));
    case DType::u8:
      return add_constant(name, dims, kByte, bytes_of(t.to_vector<uint8_t>()));
    default:
      throw TypeError("onnx: the constant " + name + " is " + text(t));
  }
}

std::string OnnxGraph::add_float(const std::string& name, float value) {
  return add_constant(name, {}, kFloat, bytes_of(std::vector<float>{value}));
}
std::string OnnxGraph::add_byte(const std::string& name, uint8_t value) {
  return add_constant(name, {}, kByte, bytes_of(std::vector<uint8_t>{value}));
}
std::string OnnxGraph::add_integers(const std::string& name, const std::vector<int64_t>& values) {
  return add_constant(name, std::vector<int64_t>{std::ssize(values)}, kLong, bytes_of(values));
}

// GraphProto: name 2, input 11, output 12; ModelProto: ir_version 1, producer_name 2, producer_version 3, graph 7,
// opset_import 8 (version 2).
std::string OnnxGraph::model(const std::string& name, const Shape& image, const Shape& output) const {
  std::string graph = out_, operators, out;
  put_bytes(graph, 2, name);
  put_bytes(graph, 11, value_info("image", Shape{1, image[0], image[1], image[2]}));
  put_bytes(graph, 12, value_info("logits", output));
  put_integer(operators, 2, 13);
  put_integer(out, 1, 7);
  put_bytes(out, 2, "pith");
  put_bytes(out, 3, PITH_VERSION);
  put_bytes(out, 7, graph);
  put_bytes(out, 8, operators);
  return out;
}

}  // namespace pith::apps
