// What reads what: the leaves of a network in the order in which they run, with the leaves whose outputs they read.
// Found by running one image and looking at which layer is given what another wrote.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/shape.h"

namespace pith::nn {

/// A leaf that ran, on a batch of one.
struct TraceStep {
  std::string name;                  ///< dotted
  Module* layer = nullptr;           ///< lives as long as the model
  std::vector<int64_t> inputs = {};  ///< places of earlier steps in the list, -1 is the image; several for joins
  Shape input = {}, output = {};     ///< shape of the first input as the layer sees it (perhaps flattened), and of y
};

/// The steps for one image [c, h, w], in evaluation; the model's training mode is kept, its tap is removed. Between two
/// layers a value may change its shape, not its elements. Throws Error naming a layer whose input no layer wrote.
std::vector<TraceStep> trace(Module& model, const Shape& image);

}  // namespace pith::nn
