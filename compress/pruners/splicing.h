// Dynamic network surgery (Guo, Yao, Chen 2016): what was pruned may be spliced in again. Two thresholds with a dead
// band between them, in which a weight stays what it was.
#pragma once

#include "tensor/formats/mask.h"
#include "tensor/tensor.h"

namespace pith::compress {

struct SplicingBand {
  double low = 0;   ///< pruned below
  double high = 0;  ///< kept from here on; low <= high
};

/// base = mean |w| + sensitivity * std |w| (unbiased); low = base * low_factor, high = base * high_factor. Throws
/// ArgumentError for a negative setting or low_factor > high_factor.
SplicingBand splicing_band(const Tensor& w, double sensitivity, double low_factor, double high_factor);

/// Pruned where |w| < low, kept where |w| >= high, as in `before` between; the limits rounded to w's type first. w: the
/// weights as the optimizer moves them, not zeroed by a mask. Throws ShapeError where `before` has another shape.
Mask splice(const Tensor& w, const Mask& before, const SplicingBand& band);

}  // namespace pith::compress
