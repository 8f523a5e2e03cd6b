// ONNX's messages (onnx.ai, IR version 7, operator set 13), written on the wire: the format has few fields that a
// network of images needs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace pith::apps {

/// An attribute of a node, as its message.
std::string onnx_attribute(const std::string& name, int64_t value);
std::string onnx_attribute(const std::string& name, double value);
std::string onnx_attribute(const std::string& name, const std::vector<int64_t>& values);

/// A graph that grows node by node. Constants and what nodes put out go by name.
class OnnxGraph {
 public:
  using Names = std::vector<std::string>;

  void add_node(const std::string& type, const std::string& name, const Names& inputs, const std::string& output,
                const std::vector<std::string>& attributes = {});

  // Constants; each returns its name.
  std::string add_tensor(const std::string& name, const Tensor& t);  ///< f32, s32, s8 or u8
  std::string add_float(const std::string& name, float value);       ///< a scalar
  std::string add_byte(const std::string& name, uint8_t value);      ///< a scalar, UINT8
  std::string add_integers(const std::string& name, const std::vector<int64_t>& values);

  /// The model of one graph: "image" [N, c, h, w] f32 -> "logits" f32, of `output`'s shape behind N.
  std::string model(const std::string& name, const Shape& image, const Shape& output) const;

 private:
  std::string add_constant(const std::string& name, std::span<const int64_t> dims, int type, std::string_view bytes);

  std::string out_;  ///< fields of GraphProto
};

}  // namespace pith::apps
