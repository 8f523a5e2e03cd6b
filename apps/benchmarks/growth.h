// How cost grows: the rows growth/... of the benchmarks as exponents, deviations and speed-ups.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apps/report.h"
#include "apps/summaries/table.h"

namespace pith::apps {

struct GrowthPoint {
  double value = 0;       ///< of the axis: channels, pixels, ...
  double operations = 0;  ///< of a call
  double bytes = 0;       ///< of input, weights and result
  double us = 0;          ///< median
};

/// time ~ operations^exponent by least squares of the logarithms. A deviation is how far the time an operation takes
/// lies from its geometric mean: the larger of greatest / mean - 1 and 1 - least / mean.
struct GrowthFit {
  double exponent = 0;
  double deviation = 0;      ///< of all points
  double above_knee = 0;     ///< of the points whose bytes do not fit the second-level cache
  int64_t points_above = 0;  ///< how many those are
};
/// Two points or more. Pure.
GrowthFit fit_growth(const std::vector<GrowthPoint>& points, double cache_bytes);

struct GrowthRow {
  std::string kernel, axis;
  std::vector<GrowthPoint> points;  ///< by rising value
  GrowthFit fit;
};
struct ThreadRow {
  std::string kernel;
  double median = 0, best = 0;  ///< times one thread's speed on two, by wall time
};
struct Growth {
  std::vector<GrowthRow> rows;
  std::vector<ThreadRow> threads;
};

/// From Google Benchmark's document. Throws IoError where a row failed.
Growth growth_of(const Json& document);
Table fit_table(const Growth& growth);
Table thread_table(const Growth& growth);

}  // namespace pith::apps
