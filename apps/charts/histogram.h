// How values are distributed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pith::apps {

/// Counts over bins of equal width from low to high.
struct Distribution {
  double low = 0, high = 0;
  std::vector<int64_t> counts;
  int64_t zeros = 0;  ///< exact zeros, which no bin counts: after pruning they would hide all others
  int64_t all = 0;    ///< values, zeros included
};

/// bins >= 1. Values that are not finite are counted in `all` alone.
Distribution distribution_of(std::span<const float> values, int bins);

/// The range that a quantizer tells apart: what lies outside becomes its ends.
struct Clip {
  double low = 0, high = 0;
  std::string levels = {};  ///< "u8"
};

/// `<svg class="chart" ...>`, 220 by 118 units: for a grid of many.
std::string histogram(const std::string& name, const Distribution& distribution, const std::optional<Clip>& clip = {});

}  // namespace pith::apps
