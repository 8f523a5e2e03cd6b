// A float network as an ONNX file (onnx_graph.h).
#pragma once

#include <string>

#include "nn/module.h"

namespace pith::apps {

/// The bytes of an ONNX model of what `model` computes in evaluation: "image" [N, c, h, w] f32 -> "logits" [N, classes]
/// f32. Weights keep their dotted names; every node is called as its layer. image: [c, h, w]. A folded network
/// (nn/fold.h) has no batch norm. Throws ArgumentError naming a layer that has no form here.
std::string onnx_text(nn::Module& model, const Shape& image, const std::string& name);

}  // namespace pith::apps
