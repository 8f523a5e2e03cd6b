// Quantized training: whole numbers on the way forward, the very ones that integer inference computes, and
// straight-through gradients on the way back (Bengio et al. 2013; learned steps: Esser et al. 2020).
#pragma once

#include "autograd/variable.h"
#include "tensor/ops/requantize.h"
#include "tensor/ops/weight_levels.h"

namespace pith {

/// ops::weight_levels with its gradients: w [k, ...], step [k] -> w's shape.
Variable weight_levels(const Variable& w, const Variable& step, const ops::WeightLevels& levels);

/// ops::two_scale_levels with its gradients, up to `highest`: w [k, ...], up and down [k] -> w's shape; step [k] counts
/// as a constant.
Variable two_scale_levels(const Variable& w, const Variable& up, const Variable& down, const Tensor& step,
                          double highest);

/// What a layer's sums are multiplied with: x_step [1], w_step [k], y_step [1] or undefined (then 1) -> [k], computed
/// in f64 and rounded once.
Variable requantization_scale(const Variable& x_step, const Variable& w_step, const Variable& y_step);

/// A bias in units of the sums: round(bias / (x_step w_step[k])), within +/- 2^22 so that f32 holds it; with `rounds`
/// off (dynamic ranges, gradient checks) neither rounded nor limited. bias [k] -> [k].
Variable bias_levels(const Variable& bias, const Variable& x_step, const Variable& w_step, bool rounds = true);

struct RequantizationLimits {
  double lowest = -255, highest = 255;
  bool rounds = true;
};
/// ops::requantize with all its gradients. residual and residual_scale: both or none.
Variable requantize(const Variable& sums, const Variable& bias, const Variable& scale, const Variable& residual,
                    const Variable& residual_scale, const RequantizationLimits& limits);

/// requantize() to a range whose end is learned by PACT (Choi et al. 2018): `scale` and `residual_scale` hold y_step
/// [1] as a constant, and its gradient comes from here: it takes back what the levels within the clamp give y_step
/// where they are read, so that of a value's gradient only what the clamp cut remains.
Variable requantize_pact(const Variable& sums, const Variable& bias, const Variable& scale, const Variable& residual,
                         const Variable& residual_scale, const Variable& y_step, const RequantizationLimits& limits);

/// |x|, at least 1e-10, whose gradient is multiplied by `factor` (LSQ scales those of steps).
Variable positive_step(const Variable& x, double factor);

/// Wider steps in place of some of x's, [k]: the gradient passes to those of x that stay.
Variable widened(const Variable& x, const Tensor& wide);

/// Whole numbers counted from the zero point: round(x / scale) on a grid of [0, highest] that was made to hold x
/// (dynamic ranges). x: f32 [n, c, h, w] or [n, f]. Straight through: dx = dy / scale.
Variable grid_levels(const Variable& x, float scale, int32_t zero_point, int32_t highest);

}  // namespace pith
