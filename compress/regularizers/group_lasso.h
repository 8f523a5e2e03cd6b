// Group lasso (Yuan & Lin 2006; for networks Wen et al. 2016, "Learning structured sparsity"): a sum of norms, one a
// group, which makes whole groups small together.
#pragma once

#include "compress/groups.h"
#include "compress/regularizers/penalty.h"
#include "compress/statistics.h"

namespace pith::compress {

/// strength * sum over groups of sqrt(sum of w^2 + floor); the gradient at a norm of exactly 0 is 0. No factor for the
/// group's size. w: f32, plain, contiguous, the groups' shape. The model's channels have a floor of 1e-8, the others 0.
Penalty group_lasso(const Tensor& w, const Groups& groups, double strength, double floor = 0);

/// The floor the model gives to this type of group.
constexpr double group_lasso_floor(GroupType type) { return type == GroupType::channel ? 1e-8 : 0; }

/// Its threshold rule: prunes the groups whose norm is at most the strength itself.
Mask group_lasso_threshold(const Tensor& w, const Groups& groups, double strength, Norm norm = Norm::mean_l1);

/// Group variance (GSS; Torfi et al. 2018): strength / var of the groups' L2 norms (unbiased): groups grow apart, some
/// towards 0. At equal norms the penalty is infinite; throws NumericError there, ShapeError for fewer than two groups.
Penalty group_variance(const Tensor& w, const Groups& groups, double strength);

}  // namespace pith::compress
