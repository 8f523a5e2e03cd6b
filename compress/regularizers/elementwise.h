// L1 (Tibshirani 1996) and L2 penalties: L2 shrinks weights and never makes them 0; L1 does, in time.
#pragma once

#include "compress/regularizers/penalty.h"
#include "tensor/formats/mask.h"

namespace pith::compress {

/// strength * sum |w|; the subgradient at 0 is 0. On the scales of batch norm it is network slimming (Liu et al. 2017).
/// w: f32, plain, contiguous; strength >= 0, ArgumentError otherwise.
Penalty l1_penalty(const Tensor& w, double strength);

/// strength * sum w^2.
Penalty l2_penalty(const Tensor& w, double strength);

/// L1's threshold rule: prunes |w| <= strength.
Mask l1_threshold(const Tensor& w, double strength);

}  // namespace pith::compress
