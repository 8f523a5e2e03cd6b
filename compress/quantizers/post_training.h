// Quantization after training: a float network and the statistics of its values become an integer network.
//
// ReLU-aware: a value behind a ReLU has zero point 0 and spends every level above it. Weights are symmetric about 0, so
// a pruned weight stays exactly 0. Residual sums are made in the same rounding as the convolution that ends the block.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "compress/quantizers/calibration.h"
#include "nn/integer_network.h"

namespace pith::compress {

/// What differs for the layers whose name matches (compress/selector.h: name, glob, or /regular expression/). 0 and
/// nullptr-like values keep what the options say.
struct QuantOverride {
  std::string layers;
  int bits_weights = 0, bits_activations = 0;
};

enum class WeightRange : uint8_t {
  largest,  ///< max |w|
  mse       ///< the least squared error of a hundred shares of it
};

struct PostTrainingOptions {
  int bits_weights = 8, bits_activations = 8;  ///< 1 to 8
  /// Of activations; of weights it is always symmetric_restricted.
  QuantMode mode = QuantMode::asymmetric_unsigned;
  ClipOptions clip = {};       ///< its `bits` and `is_half_range` are set per value
  bool is_per_channel = true;  ///< weights; else one scale a tensor
  WeightRange weight_range = WeightRange::largest;
  int bits_ends = 8;  ///< weights of the first and the last layer, and the last layer's input; 0: as the rest
  /// Of residual sums and of what they add; 0: as the rest. Wants a graph of with_requantized_sums.
  int bits_residual = 0;
  /// Of the weights of shortcuts' convolutions; 0: as the rest. Wants a graph in which they read the sums as they are.
  int bits_shortcuts = 0;
  bool is_dynamic = false;                    ///< activation ranges are measured in every batch
  std::vector<QuantOverride> overrides = {};  ///< the first that matches counts
};

/// Throws ArgumentError for bits outside 1 to 8, or an override that names no layer.
nn::IntegerSpec quantize_after_training(const nn::Graph& graph, const Statistics& statistics,
                                        const PostTrainingOptions& options, const std::string& model);

/// w [out, ...] as integers of these bits, 1 to 8 or 16: values, one scale a row. A row of zeros gets scale 1.
struct QuantizedWeights {
  Tensor values;  ///< w's shape; s8, of 16 bits s32
  std::vector<float> scale;
};
QuantizedWeights quantize_weights(const Tensor& w, int bits, bool per_channel, WeightRange range);

/// One output channel's weights as integers of this scale, into `to` [row.size()].
void quantize_row(std::span<const float> row, const LinearScale& scale, int8_t* to);

/// Values that pooling and flattening only pass on keep their integers' meaning.
bool passes_on(const nn::GraphLayer& layer);

/// Gives `layer` its real bias [k] in units of (scale of x) (scale of w[k]), within ops::kMostBias.
void round_bias(nn::IntegerLayer& layer, const Tensor& bias, float x_scale);

}  // namespace pith::compress
