// Reconstruction: after the ranges are chosen, each layer's integers and bias are chosen again, in order of the layers,
// so that the quantized network answers what the float one does, in spite of the errors of the layers before.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "compress/quantizers/layer_moments.h"
#include "compress/quantizers/rounding.h"

namespace pith::compress {

struct ReconstructionOptions {
  Rounding rounding = Rounding::nearest;
  int adaround_steps = 2000;
};

/// Weights by `rounding` (of two bits and more; binary ones stay), and every bias corrected so that the mean of each
/// output channel's sums over the images is the float network's (Nagel et al. 2019, Banner et al. 2019): the integer
/// one, and, where weights stay the nearest ones, the real one that training goes on from. `spec` is what
/// quantize_after_training made of `graph`, static. `done` is told each finished layer. Throws what layer_moments does.
nn::IntegerSpec reconstructed(const nn::Graph& graph, nn::IntegerSpec spec, std::span<const Tensor> batches,
                              const ReconstructionOptions& options,
                              const std::function<void(const std::string& layer)>& done = nullptr);

}  // namespace pith::compress
