// A row of weights as a sum of several signs (ABC-Net: Lin et al. 2017, "Towards accurate binary convolutional neural
// network"): w is about the sum over m < count of alpha[m] B[m], B[m] = +1 where w >= threshold[m], else -1. So a
// convolution with these weights is `count` convolutions with signs, times one number each. Here those numbers are
// whole ones of a step a row: what they add up to is one grid of integers, and the sum of the convolutions is exact. A
// weight that is 0 was pruned: it has no sign, counts nowhere and stays 0.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace pith::ops {

struct SeveralSigns {
  std::vector<double> thresholds;  ///< rising: mean - std to mean + std of the row, evenly
  std::vector<double> alphas;      ///< least squares over the row
  std::vector<int64_t> factors;    ///< alphas as whole numbers, whose sizes add up to `highest`
  /// Sum of the factors, each with its sign at w: -highest to highest; 0 at 0.
  int64_t level(double w) const;
};

/// T: float or double. count: 2 and more; highest: at least 1. Throws ArgumentError. Where no weight lies between two
/// thresholds least squares leaves their middle free, and it is taken.
template <class T>
SeveralSigns several_signs(std::span<const T> row, int64_t count, int64_t highest);

/// The step of each row of w [k, ...], f32 or f64: least squares of w by step times levels. [k], 0 for a row of zeros.
/// Throws ShapeError, TypeError.
Tensor several_sign_steps(const Tensor& w, int64_t count, int64_t highest);

}  // namespace pith::ops
