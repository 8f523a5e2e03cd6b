// Weights as whole numbers times a step a row (an output channel): the grids of training with few bits, and the
// straight-through gradients into the real weights behind them (Bengio et al. 2013).
//
// f32 or f64, plain order; w: [k, ...], step: [k], above 0. Rows are added up in order, in double. Throws ShapeError,
// TypeError.
#pragma once

#include "tensor/tensor.h"

namespace pith::ops {

/// How a real weight becomes a whole number, and where its gradient passes.
enum class LevelRule : uint8_t {
  nearest,           ///< round(clamp(w / step, lowest, highest)), half to even; passes where the clamp did not cut
  sign_within_step,  ///< +1 for 0 and above, -1 below; passes where |w| <= step
  sign,              ///< the same; passes everywhere
  ternary,           ///< 0 where |w| <= 0.7 mean |w| of its row, else its sign (Li et al. 2016); passes everywhere
  power_of_two,      ///< 0 or +/- 2^e up to `highest`, the nearest (Zhou et al. 2017); passes everywhere
  several_signs,     ///< a sum of `signs` signs, several_signs.h (Lin et al. 2017); passes everywhere
  tanh               ///< as nearest, of tanh(w) (DoReFa, Zhou et al. 2016); passes times 1 - tanh(w)^2
};

struct WeightLevels {
  double lowest = -127, highest = 127;
  bool rounds = true;  ///< off in gradient checks
  LevelRule rule = LevelRule::nearest;
  int64_t signs = 0;  ///< of several_signs alone
};

/// w's whole numbers, of its shape.
Tensor weight_levels(const Tensor& w, const Tensor& step, const WeightLevels& levels);
/// Into the weights; into the steps by the rule `nearest` alone (Esser et al. 2020), 0 by the others.
struct WeightLevelGradients {
  Tensor w, step;
};
WeightLevelGradients weight_levels_gradient(const Tensor& w, const Tensor& step, const WeightLevels& levels,
                                            const Tensor& dq);

// Steps that follow from the weights: [k], 0 for a row of zeros.

/// Mean |w| of each row: least squares of a sign (Rastegari et al. 2016).
Tensor mean_steps(const Tensor& w);
/// Mean of the |w| above 0.7 mean |w| of their row (Li et al. 2016).
Tensor ternary_steps(const Tensor& w);
/// The largest tanh|w| of each row / highest, so that `highest` is its last level.
Tensor tanh_steps(const Tensor& w, double highest);
/// The power of two, 2^floor(log2(4/3 max|w|)) of each row, / highest (Zhou et al. 2017, equation 3).
Tensor power_steps(const Tensor& w, double highest);

}  // namespace pith::ops
