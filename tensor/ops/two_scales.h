// Ternary weights with two scales a row (TTQ: Zhu et al. 2017) on a grid of whole numbers: a weight counts as +p, 0 or
// -n, p and n learned; in steps of max(p, n) / highest the larger is `highest`, the smaller the nearest whole number.
//
// f32 or f64, plain order; w: [k, ...]; up (p), down (n), step: [k], above 0. Rows are added up in order, in double.
// Throws ShapeError, TypeError.
#pragma once

#include "tensor/tensor.h"

namespace pith::ops {

struct TwoScales {
  Tensor up, down;
};

/// The first ones: mean |w| of the row's weights above the threshold, of either sign; where it has none, of all its
/// weights. The threshold is 0.05 max|w| of the whole of w.
TwoScales first_scales(const Tensor& w);
/// max(up, down) / highest: [k].
Tensor two_scale_steps(const TwoScales& scales, double highest);
/// round(up / step) where w is above the threshold, -round(down / step) where -w is, else 0; at most `highest`.
Tensor two_scale_levels(const Tensor& w, const TwoScales& scales, const Tensor& step, double highest);

/// Of two_scale_levels, rounding counted as the identity and the step as a constant: to every weight as it comes, to
/// the scales from the weights that bear them.
struct TwoScaleGradients {
  Tensor w, up, down;
};
TwoScaleGradients two_scale_gradient(const Tensor& w, const Tensor& step, const Tensor& dq);

}  // namespace pith::ops
