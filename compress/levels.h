// Levels: pure functions of time that say how much is pruned now. Times are epochs; a fraction is a step within one.
#pragma once

#include <cstdint>
#include <string_view>

namespace pith::compress {

/// When a policy acts: at start, start + frequency, ... below end (exclusive).
struct Period {
  int64_t start = 0, end = 1, frequency = 1;
  /// Does it act in the epoch that begins?
  bool acts(int64_t epoch) const { return start <= epoch && epoch < end && (epoch - start) % frequency == 0; }
  /// The last epoch in which it acts.
  int64_t last() const { return start + (end - 1 - start) / frequency * frequency; }
};

/// How a level goes from its first to its last value over the way t in [0, 1]:
///   constant: last;  linear;
///   cubic: last + (first - last) (1 - t)^3, automated gradual pruning (Zhu & Gupta 2017);
///   exponential: the density falls by the same factor in equal times, as iterative lottery tickets do (Frankle &
///   Carbin 2019); cosine: half a cosine, as sparse-from-scratch methods decay their share (Dettmers & Zettlemoyer
///   2019).
enum class Curve : uint8_t { constant, linear, cubic, exponential, cosine };

/// "constant", "linear", ...
std::string_view name(Curve curve);

/// The level at the way t, clamped to [0, 1]. first and last in [0, 1] (exponential: below 1); throws ArgumentError
/// otherwise.
double level_at(Curve curve, double first, double last, double t);

/// The way of a period at a time: 0 at its start, 1 at the last epoch in which it acts. A period that acts once is
/// at 1.
double way(const Period& period, double time);

/// Automated gradual pruning at an epoch: the cubic curve over the period.
double agp_level(double initial, double final, const Period& period, double time);

/// The threshold of Narang et al. 2017, "Exploring sparsity in recurrent neural networks": it rises slowly until `ramp`
/// and `slope_factor` times as fast from there to the end.
struct RampedThreshold {
  double quantile = 0;      ///< q: the 90th percentile of |w| of a trained model
  int64_t ramp_offset = 0;  ///< epochs from the start to the ramp
  double slope_factor = 1;
  Period period;
};
double threshold_at(const RampedThreshold& settings, int64_t epoch);

}  // namespace pith::compress
