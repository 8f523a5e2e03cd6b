// One output of an integer network, step by step: which integers were read, every product, how many bits the running
// sum took, and how the sum became the output. Computed here in plain 64-bit integers and single floats, sharing
// nothing with the kernels; what it arrives at must be what they computed (`pith explain`,
// tests/compress/proofs/explanation_test.cpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/integer_network.h"

namespace pith::nn {

/// Output channel (or feature) k at row y, column x.
struct OutputPlace {
  int64_t y = 0, x = 0, k = 0;
};

/// One input that the output reads. Of a max pooling w is 1 and `sum` the largest so far.
struct ExplainedTerm {
  int64_t channel = 0, row = 0, column = 0;  ///< in the input; outside it where is_border
  bool is_border = false;                    ///< padding: it holds the zero point
  int32_t q = 0, w = 1;
  int64_t product = 0;  ///< w (q - zero point)
  int64_t sum = 0;      ///< running, this one included
};

struct Explanation {
  std::string layer, input_name, residual_name;
  LayerKind kind = LayerKind::conv;
  OutputPlace at;
  ValueQuant input, output;  ///< with dynamic ranges: as this batch has them
  bool is_dynamic = false, is_last = false, relu = false;
  int weight_bits = 0;  ///< 0: no weights
  float weight_scale = 1;

  int64_t bias = 0;  ///< where the sum begins
  std::vector<ExplainedTerm> terms;
  int64_t sum = 0, lowest_sum = 0, highest_sum = 0;  ///< the last; the extremes on the way
  int bits_used = 1;                                 ///< of two's complement, by all of these

  double real_bias = 0;  ///< dynamic: in units of the sums
  float scale = 1;       ///< what the sum is multiplied with
  float scaled = 0;      ///< float(sum) x scale, rounded to f32
  bool has_residual = false;
  int32_t residual_q = 0;
  ValueQuant residual;
  float residual_scale = 0, residual_term = 0;
  float real = 0;       ///< in units of the output's scale, from its zero point; dynamic and last: the real value
  int64_t rounded = 0;  ///< half to even, zero point added
  int32_t lowest = 0, highest = 255;  ///< what it is clamped to
  int32_t q = 0;                      ///< the output
  float logit = 0;                    ///< of the last layer, instead
  double value = 0;                   ///< what the output stands for
};

/// values: of image 0 as IntegerNetwork::run shows them, as many as layer `layer` and its residual read, and the one it
/// gives. Throws ArgumentError where the layer or the place does not exist.
Explanation explain(const IntegerSpec& spec, const std::vector<ops::QuantizedTensor>& values, size_t layer,
                    const OutputPlace& at);

/// The layer of this name. Throws ArgumentError with the names there are.
size_t layer_named(const IntegerSpec& spec, const std::string& name);

}  // namespace pith::nn
