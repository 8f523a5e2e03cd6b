// What each convolution and linear layer costs: the compute table of summaries.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/shape.h"

namespace pith::nn {

/// One row. Batch 1; multiply-adds as Distiller counts them: zeros are not subtracted, biases are ignored.
struct LayerCompute {
  std::string name, type;
  std::string attributes;  ///< "k=(3, 3)", or empty
  Shape input, output;     ///< IFM and OFM
  int64_t weights = 0;     ///< elements of the weight tensor
  int64_t macs = 0;        ///< convolution: outputs * in / groups * kh * kw; linear: in * out
};

/// Runs one image of zeros, [c, h, w], through the model in evaluation and lists its Conv2d and Linear layers in the
/// order of the module list. The model's training mode is kept; its tap is removed.
std::vector<LayerCompute> compute_table(Module& model, const Shape& image);
/// The same of what runs of the model while `run` does, on a batch of one.
std::vector<LayerCompute> compute_table(Module& model, const std::function<void()>& run);

}  // namespace pith::nn
