// Ranges chosen by what they cost the whole network: coordinate search over the scales of all activations and, a factor
// a layer, of all weights, as LAPQ does from the ranges of least squared error (Nahshan et al. 2019).
#pragma once

#include <cstdint>
#include <functional>

#include "nn/integer_network.h"

namespace pith::compress {

/// What a network costs, on calibration images: smaller is better, and finite.
using NetworkCost = std::function<double(const nn::IntegerSpec&)>;

struct RangeSearch {
  int rounds = 2;      ///< sweeps over all scales
  double step = 1.15;  ///< the first sweep's factor; each later one takes its square root
  std::function<void(int64_t done, int64_t of)> progress = nullptr;  ///< of the scales
};

struct SearchedRanges {
  nn::IntegerSpec spec;
  double before = 0, after = 0;  ///< cost
};

/// Walks each scale up or down while the cost falls, one after another; never ends dearer than it began. `spec` is what
/// quantize_after_training made of `graph`. Throws ArgumentError for dynamic ranges.
SearchedRanges searched_ranges(const nn::Graph& graph, nn::IntegerSpec spec, const NetworkCost& cost,
                               const RangeSearch& search);

}  // namespace pith::compress
