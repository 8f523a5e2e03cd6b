// Magnitude pruning: small weights go, one by one (Han et al. 2015).
#pragma once

#include "tensor/formats/mask.h"
#include "tensor/tensor.h"

namespace pith::compress {

/// Keeps |w| > threshold; what equals it is pruned. The threshold is rounded to w's type first. w: f32 or f64.
/// threshold
/// >= 0 and finite; throws ArgumentError otherwise.
Mask prune_below(const Tensor& w, double threshold);

/// Prunes the level's share with the smallest |w|: floor(level * n) of them, ties falling to the lower index. level in
/// [0, 1]; throws ArgumentError otherwise, NumericError for NaN in w.
Mask prune_to_level(const Tensor& w, double level);

/// The largest |w| that prune_to_level prunes; 0 where it prunes none.
double level_threshold(const Tensor& w, double level);

}  // namespace pith::compress
