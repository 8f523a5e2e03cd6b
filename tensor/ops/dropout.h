// The random mask of dropout (Srivastava et al. 2014).
#pragma once

#include "tensor/random.h"
#include "tensor/tensor.h"

namespace pith::ops {

/// 0 with probability p, 1 / (1 - p) otherwise: of x's shape, type and order of memory, so that y = mask x and
/// dx = mask dy. Element i of the row-major order hangs on (key, i) alone, not on threads, type or order of memory.
/// Throws ArgumentError for p outside [0, 1).
Tensor dropout_mask(const Tensor& x, double p, const RandomKey& key);

}  // namespace pith::ops
