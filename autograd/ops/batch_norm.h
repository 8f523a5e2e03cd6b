// Batch normalisation (Ioffe & Szegedy 2015), fused with what follows it.
#pragma once

#include "autograd/variable.h"
#include "tensor/ops/batch_norm.h"

namespace pith {

/// Running statistics, changed by a training forward: r <- (1 - momentum) r + momentum * batch, with the unbiased variance.
struct BatchNormState {
  Tensor mean;      ///< [c]
  Tensor variance;  ///< [c]
};

struct BatchNormOptions {
  bool training = true;  ///< batch statistics (biased variance) if true, the running ones otherwise
  double momentum = 0.1;
  double epsilon = 1e-5;
  bool relu = false;     ///< y = max(., 0) in the same pass
  const ops::Moments* moments = nullptr;  ///< training: those of x, where somebody has gathered them already
};

/// y = gamma (x - mean) / sqrt(var + eps) + beta, per channel over n, h, w; then + residual if it is defined; then ReLU
/// if asked for. x: [n, c, h, w] or [n, c], f32 or f64, either order; gamma, beta: [c]; residual: x's shape.
/// Throws ShapeError in training where a channel has fewer than two elements.
Variable batch_norm(const Variable& x, const Variable& gamma, const Variable& beta, BatchNormState& state,
                    const BatchNormOptions& options, const Variable& residual = {});

/// Of every channel the mean and the biased variance over all else: [2, c]. x: [n, c, h, w] or [n, c], f32 or f64,
/// either order. Throws ShapeError for other ranks.
Variable batch_statistics(const Variable& x);

}  // namespace pith
