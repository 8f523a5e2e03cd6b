// Batch normalisation (Ioffe & Szegedy 2015) over every axis but the second, fused with a residual sum and ReLU.
//
// x: [n, c, h, w] or [n, c]; f32 in either order, or f64. Per-channel tensors are [c] of x's type. Statistics are
// joined from stretches of the shape, in order, in double: exact enough for 2^17 elements a channel and the same bits
// at any number of threads. Memory is touched as rarely as can be: forward reads x, then reads x and writes y; the way
// back reads x and dy, then reads both and writes dx (a residual sum adds y and g, a second part of dy itself and g).
#pragma once

#include <vector>

#include "tensor/ops/accumulate.h"
#include "tensor/tensor.h"

namespace pith::ops {

/// Per channel: mean, biased variance, and how many elements they come from.
struct Moments {
  std::vector<double> mean, variance;
  int64_t count = 0;
};

/// Throws ShapeError unless x is [n, c, h, w] or [n, c].
Moments batch_moments(const Tensor& x);

/// A normalisation with its statistics, gamma and beta joined into one multiplication and one addition a channel:
/// y = max(x scale + shift + residual, 0); the residual (x's shape) and the maximum are optional.
struct Normalization {
  std::vector<double> mean, inverse;  ///< 1 / sqrt(variance + epsilon)
  std::vector<double> scale, shift;
  bool relu = false;
};

/// gamma, beta: [c]. Throws ShapeError where they do not fit the moments.
Normalization make_normalization(const Moments& moments, const Tensor& gamma, const Tensor& beta, double epsilon,
                                 bool relu);

/// y in x's order of memory.
Tensor normalize(const Tensor& x, const Normalization& norm, const Tensor& residual);

struct NormGradients {
  Tensor x;            ///< in x's order
  Tensor gamma, beta;  ///< [c]
  Tensor residual;     ///< in x's order; only if asked for
};

/// Gradients of y = normalize(x, ...). `y` is read if there is a ReLU behind a residual, and may be undefined
/// otherwise. `batch`: the statistics were x's own and take part; constants otherwise. Overwrites dy's bytes with g =
/// dy + more where y > 0 if nobody else holds them.
NormGradients normalize_gradient(const Tensor& x, const Tensor& y, const GradientParts& dy, const Normalization& norm,
                                 const Tensor& gamma, bool batch, bool wants_residual);

}  // namespace pith::ops
