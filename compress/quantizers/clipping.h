// Which range of an activation is worth its levels: from the statistics of a calibration to [lowest, highest]. What
// lies outside saturates. Pure functions.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tensor/formats/quant_range.h"

namespace pith::compress {

/// What a calibration knows of one value: sums over all elements of all images seen.
struct ValueStatistics {
  double lowest = 0, highest = 0;                  ///< of all
  double average_lowest = 0, average_highest = 0;  ///< means over images of an image's extremes
  double mean = 0, deviation = 0;                  ///< deviation: over count - 1
  double spread = 0;                               ///< Laplace's b: mean |x - mean|
  std::vector<int64_t> histogram;                  ///< equal bins over [lowest, highest]; may be empty

  friend bool operator==(const ValueStatistics&, const ValueStatistics&) = default;
};

/// Statistics of a few numbers, each of `images` equal stretches an image: what tests and small tools need. Throws
/// NumericError where one is not finite.
ValueStatistics statistics_of(const std::vector<float>& values, int64_t images, int64_t bins = 2048);

enum class ClipMode : uint8_t {
  none,        ///< smallest and largest
  average,     ///< means over images of the smallest and the largest
  deviations,  ///< mean -/+ n deviations, within the extremes
  gauss,       ///< ACIQ (Banner et al. 2019): the least expected error of a Gaussian
  laplace,     ///< ACIQ of a Laplacian
  percentile,  ///< the share `percentile` of the elements (McKinstry et al. 2018)
  mse,         ///< the least squared error over the histogram
  kl           ///< the least Kullback-Leibler divergence (Migacz 2017)
};
/// "none", "avg", "n_std", "gauss", "laplace", "percentile", "mse", "kl". Throws ArgumentError listing them.
ClipMode clip_mode(std::string_view name);
std::string_view name(ClipMode mode);

struct ClipOptions {
  ClipMode mode = ClipMode::none;
  int bits = 8;
  double deviations = 2;       ///< of ClipMode::deviations
  double percentile = 0.9999;  ///< of ClipMode::percentile
  bool is_half_range = false;  ///< a ReLU follows: only the upper half counts
};

/// ACIQ's optimal clipping over the deviation (Gauss) or b (Laplace), bits 0 (Laplace) or 1 to 8. Throws ArgumentError.
double aciq_gauss(int bits, bool half_range);
double aciq_laplace(int bits, bool half_range);

/// [lowest, highest] of an asymmetric quantiser. Modes that read the histogram throw ArgumentError without one.
RealRange clipped_range(const ValueStatistics& s, const ClipOptions& options);
/// The same, symmetric about 0: [-m, m]. ACIQ: m = |mean| + alpha.
RealRange clipped_range_symmetric(const ValueStatistics& s, const ClipOptions& options);

}  // namespace pith::compress
