// The sums that real images give, beside their proved bounds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/console.h"
#include "compress/proofs/bounds.h"

namespace pith::apps {

struct ObservedSums {
  int64_t images = 0, sums = 0, outside = 0;
  int bits = 0;  ///< of the widest
};

/// Runs the first `subset` test images (0: all) and looks at every sum of every layer as the exact kernel gives it.
ObservedSums observed_sums(const nn::IntegerNetwork& network, const std::vector<compress::AccumulatorBound>& bounds,
                           const std::string& data, const std::string& data_root, int64_t subset, Console& console);

}  // namespace pith::apps
