// The check at every regularizer's door.
#pragma once

#include <cmath>
#include <string>

#include "tensor/error.h"
#include "tensor/tensor.h"

namespace pith::compress {

/// Throws ArgumentError for a strength that is negative or not finite, TypeError unless w is f32, plain and contiguous.
inline void check_strength(const char* regularizer, const Tensor& w, double strength) {
  if (!(strength >= 0) || !std::isfinite(strength))
    throw ArgumentError(std::string(regularizer) + ": the strength " + std::to_string(strength) +
                        " is not 0 or above and finite");
  if (w.dtype() != DType::f32 || w.is_lanes() || !w.is_contiguous())
    throw TypeError(std::string(regularizer) + ": wants a plain contiguous f32 weight, here is " + text(w));
}

}  // namespace pith::compress
