// Rounding weights so that a layer answers right, not so that each weight is near: rounding to nearest is the least
// error of a weight, not of a sum of products. All three choose the integers q of one output channel with scale s by
//
//   minimise  |t - s (q . x)|^2  over the calibration's patches x,
//
// a quadratic form in q whose matrix is the patches' second moments (layer_moments.h).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace pith::compress {

enum class Rounding : uint8_t {
  nearest,  ///< of each weight alone
  descent,  ///< integer by integer, the step of one that gains most, until none gains; scales are tried, too
  adaround  ///< up or down, learned through a rectified sigmoid (Nagel et al. 2020)
};
/// "nearest", "descent", "adaround". Throws ArgumentError listing them.
Rounding rounding(std::string_view name);

/// One output channel. Integers of weights that are exactly 0 stay 0: a pruned weight stays pruned.
struct RoundingProblem {
  std::span<const double> gram;    ///< [depth, depth] of integer inputs, symmetric
  std::span<const double> cross;   ///< [depth]: mean of (real target) (integer input)
  std::span<const float> weights;  ///< [depth], real
  double input_scale = 1;          ///< real input = input_scale * integer input
  int32_t lowest = -127, highest = 127;
};

struct RoundedWeights {
  float scale = 1;
  std::vector<int32_t> values;
};

/// What the choice costs: mean squared error of the channel's sums, up to a constant.
double reconstruction_error(const RoundingProblem& problem, const RoundedWeights& w);

/// The integers nearest to weights / scale.
RoundedWeights round_to_nearest(const RoundingProblem& problem, float scale);
/// Coordinate descent from the nearest integers, steepest step first, to a minimum that no step of one integer by one
/// leaves. A hundredth of the mean diagonal holds the integers near the weights where the patches say nothing
/// (as Frantar et al. 2022 do).
RoundedWeights round_by_descent(const RoundingProblem& problem, float scale);
/// The best of `round_by_descent` over shares 0.5 to 1 of the scale, none below `least`.
RoundedWeights round_by_descent_and_scale(const RoundingProblem& problem, float scale, float least);
/// AdaRound: q = clamp(floor(w / s) + h(v)), h(v) = clamp(1.2 sigmoid(v) - 0.1, 0, 1), Adam on the error plus
/// 0.01 sum(1 - |2 h - 1|^beta) with beta from 20 to 2 after a fifth of `steps`.
RoundedWeights round_by_adaround(const RoundingProblem& problem, float scale, int steps);

}  // namespace pith::compress
