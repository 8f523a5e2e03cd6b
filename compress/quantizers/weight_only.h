// Weight-only quantization: the weights of a file become whole numbers of few bits, to the nearest; what flows between
// them stays real, so it takes no data, no calibration and no model, and is for every network: recurrent ones, too.
#pragma once

#include <cstdint>
#include <vector>

#include "compress/quantizers/post_training.h"
#include "tensor/container.h"

namespace pith::compress {

struct WeightOnlyOptions {
  int bits = 8;       ///< 1 to 8, or 16
  int64_t group = 0;  ///< weights that share a scale; 0: a scale a row (an output channel, a word)
  WeightRange range = WeightRange::largest;
  std::vector<QuantOverride> overrides =
      {};  ///< by names of parameters, the first that matches counts: bits of weights
};

struct WeightOnly {
  Container file;  ///< as nn/whole_weights.h has it, without optimizer, schedule and masks
  int64_t tensors = 0, weights = 0;
};

/// Floating-point sections of two axes and more; vectors (biases, batch norm) stay as they are, and a pruned weight
/// stays exactly 0 (but with 1 bit). Throws ArgumentError for other bits, a negative group, an override that
/// names no weight, or a file without any; NumericError for weights that are not finite.
WeightOnly weight_only(const Container& file, const WeightOnlyOptions& options);

/// The same of a network that was trained in whole numbers of so many bits (nn::Module::use_whole_numbers): the very
/// ones that it computes with, with the steps it learned. Throws ArgumentError where no weight has steps.
WeightOnly learned_weights(Container file, int bits);

}  // namespace pith::compress
