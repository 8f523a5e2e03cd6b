// Requantisation over real numbers that happen to be whole: what quantized training computes where inference has
// integers. The rule is that of the integer kernels (kernels/int_views.h, Requantize), each step rounded alike, so that
// the results are the same integers as long as every sum fits 24 bits; and its straight-through gradients (Bengio et
// al. 2013), those of learned steps (Esser et al. 2020, "LSQ") among them.
//
// f32 or f64; lanes or plain order (tiles become plain). Same bits for any number of threads.
#pragma once

#include "tensor/ops/accumulate.h"
#include "tensor/tensor.h"

namespace pith::ops {

/// y = round(clamp((sums + bias[k]) scale[k] + residual * residual_scale, lowest, highest)), half to even; everything
/// is counted from the zero point, so zero is 0.
struct Requantization {
  Tensor bias, scale;                   ///< [k]
  Tensor residual = {};                 ///< of the sums' shape, or undefined
  Tensor residual_scale = {};           ///< [1], with a residual
  double lowest = -255, highest = 255;  ///< within +/- 2^21, or infinite where nothing is rounded
  bool rounds = true;
};

/// sums: [n, k, h, w] or [n, k] -> the same, in its order. Throws ShapeError, TypeError.
Tensor requantize(const Tensor& sums, const Requantization& r);

/// Of all operands: rounding counts as the identity, and nothing flows where the clamp cut.
struct RequantizationGradients {
  Tensor sums, bias, scale, residual, residual_scale;
};
/// Overwrites dy's bytes with the sums' gradient if nobody else holds them.
RequantizationGradients requantize_gradient(const Tensor& sums, const Requantization& r, const GradientParts& dy);

}  // namespace pith::ops
