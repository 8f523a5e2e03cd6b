// A packed network as one C99 file that needs no library: constant weights of b bits in b bits, and a function from
// image to logits that gives nn/integer_network.h's, bit for bit.
#pragma once

#include <cstdint>
#include <string>

#include "nn/integer_network.h"

namespace pith::apps {

struct CSource {
  std::string text;
  std::string function;                          ///< "resnet20_cifar_run": void (const float *image, float *logits)
  int64_t constant_bytes = 0, static_bytes = 0;  ///< of weights, biases and scales; of activations and sums
};

/// name: what the functions are called after; characters that C has no use for become underscores. Compiled with
/// -DPITH_CHECK the file is a program that runs one image of its own and exits with 1 unless its logits are those that
/// the network gave here. Throws ArgumentError for dynamic ranges, whose scales are known in use alone, and for weights
/// that their bits do not hold.
CSource c_source(const nn::IntegerNetwork& network, const std::string& name);

}  // namespace pith::apps
