// Steps so wide that no sum of a layer leaves an accumulator of few bits (A2Q: Colbert et al. 2023).
//
// A sum is the bias and depth products of a weight and an input. In whole numbers all of these shrink, or stay, as the
// step grows; so there is a least step from which on every sum fits, whatever the inputs are and in which order they
// are added.
#pragma once

#include "tensor/ops/weight_levels.h"

namespace pith::ops {

/// Largest integer bias, in units of a sum: f32 counts it exactly, so that quantized training can.
inline constexpr double kMostBias = 1 << 22;

/// What a sum holds beside its weights, and what it has to fit.
struct SumLimits {
  double above = 255, below = 0;  ///< inputs are whole numbers from -below to above
  double x_step = 0;              ///< of the inputs: a bias counts bias / (x_step step) units; 0: it is no part of sums
  int bits = 16;                  ///< of the accumulator, two's complement
};

/// `step`, made wider where row k of w needs it (to within 1 % of the least that does), so that
///
///     |bias| + max(up above + down below, up below + down above) <= 2^(bits - 1) - 1
///
/// with `up` and `down` the sums of the sizes of the row's positive and negative whole numbers (weight_levels).
/// w f32 [k, ...], step f32 [k] above 0, bias f32 [k] -> f32 [k]. Throws ArgumentError for a rule but nearest and tanh,
/// whose whole numbers do not shrink, and for bits outside 2 to 32; NumericError for infinite weights;
/// ShapeError.
Tensor accumulator_steps(const Tensor& w, const Tensor& step, const Tensor& bias, const WeightLevels& levels,
                         const SumLimits& limits);

}  // namespace pith::ops
