// What the sums of an integer network can reach: bounds per output channel, from the real integer weights and the range
// of the input, and the accumulator that follows. Beside them the rule 2n + log2(c k^2), which knows no weights.
//
// The kernels begin a sum with its bias less zero point x (sum of weights) and add w q, q in [0, highest], in some
// order. Products of positive weights push up, the others down, so every partial sum, too, lies between the two bounds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nn/integer_network.h"

namespace pith::compress {

/// Smallest and largest sum of a channel, both attained (proofs/adversary.h builds the inputs).
struct SumBound {
  int64_t lowest = 0, highest = 0;
  friend bool operator==(const SumBound&, const SumBound&) = default;
};

struct AccumulatorBound {
  std::string layer;
  int64_t index = 0;  ///< of the layer in the spec
  int64_t depth = 0;  ///< products a sum
  int bits_input = 8, bits_weights = 8;
  std::vector<SumBound> channels;   ///< bias included
  int64_t lowest = 0, highest = 0;  ///< over all of them
  int bits = 0;                     ///< of the two's complement number that holds both
  int rule_bits = 0;                ///< (bits of x) + (bits of w) + ceil(log2 depth)
  int accumulator = 32;             ///< 16, 32 or 64: the narrowest that holds every sum
  int kernel = 32;                  ///< what the kernel adds in: 32, or 64 in parts (tensor/ops/int_weights.h)
  std::string reason;               ///< of the choice, one sentence
};

/// Of every layer that sums: convolutions, linear layers, mean pooling (whose weights are 1). With dynamic ranges the
/// bounds hold for every zero point, and the bias is no part of the sums.
std::vector<AccumulatorBound> accumulator_bounds(const nn::IntegerSpec& spec);

/// Bits of the shortest two's complement number that holds all of [lowest, highest].
int signed_bits(int64_t lowest, int64_t highest);

}  // namespace pith::compress
