// Sensitivity pruning: the threshold is a multiple of the tensor's own deviation (Han et al. 2015, section 3), fixed at
// the first call; as training goes on, more weights fall below it.
#pragma once

#include "tensor/tensor.h"

namespace pith::compress {

/// sensitivity * std(w), the deviation unbiased; the threshold for prune_below. sensitivity >= 0; throws ArgumentError
/// otherwise.
double sensitivity_threshold(const Tensor& w, double sensitivity);

}  // namespace pith::compress
