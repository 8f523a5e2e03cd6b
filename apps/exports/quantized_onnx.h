// A packed network as an ONNX file in the format's own form for integers: QuantizeLinear and DequantizeLinear around
// the float operators (QDQ), which other runtimes turn into integer ones.
#pragma once

#include <string>

#include "nn/integer_network.h"

namespace pith::apps {

/// The bytes of an ONNX model, operator set 13: "image" [N, c, h, w] f32 -> "logits" [N, classes] f32. Weights are INT8
/// with a scale an output channel, biases INT32, activations UINT8, clipped first where they have fewer bits. The real
/// numbers are the network's; a value at a rounding's edge may become its neighbour, for the form multiplies in real
/// numbers. Throws ArgumentError for dynamic ranges.
std::string quantized_onnx(const nn::IntegerSpec& spec, const std::string& name);

}  // namespace pith::apps
