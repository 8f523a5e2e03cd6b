// Optimizer arithmetic, fused with the keep-bits of a mask: pruned positions are neither read nor written.
//
// Weights, gradients and state are f32 or f64, one type and one shape, plain and contiguous; ShapeError or TypeError
// otherwise. `keep` has one bit an element (bit i % 64 of word i / 64, 1 = keep), or is empty: all are kept.
// Results do not depend on the number of threads: every element is computed alone.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/tensor.h"

namespace pith::ops {

struct SgdStep {
  double rate = 0;
  double momentum = 0;
  double dampening = 0;  ///< of the gradient that enters the velocity, but for the first
  double weight_decay = 0;
  bool nesterov = false;
  bool first = false;  ///< velocity <- gradient instead of momentum * velocity + (1 - dampening) * gradient
};

/// One step of stochastic gradient descent as PyTorch computes it (Sutskever et al. 2013):
///   d = g + decay w;  v = momentum v + (1 - dampening) d;  w -= rate (nesterov ? d + momentum v : v).
/// velocity may be undefined where momentum is 0: then w -= rate d.
void sgd_update(Tensor& w, const Tensor& gradient, Tensor& velocity, std::span<const uint64_t> keep,
                const SgdStep& step);

struct AdamStep {
  double rate = 0;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;
  bool decoupled = false;  ///< AdamW (Loshchilov & Hutter 2019): w -= rate decay w, apart from the gradient
  int64_t count = 1;       ///< of this step, from 1: for the bias corrections
};

/// One step of Adam (Kingma & Ba 2015), m and v its first and second moments:
///   m = beta1 m + (1 - beta1) d;  v = beta2 v + (1 - beta2) d^2;
///   w -= rate / (1 - beta1^count) m / (sqrt(v / (1 - beta2^count)) + epsilon).
void adam_update(Tensor& w, const Tensor& gradient, Tensor& m, Tensor& v, std::span<const uint64_t> keep,
                 const AdamStep& step);

}  // namespace pith::ops
