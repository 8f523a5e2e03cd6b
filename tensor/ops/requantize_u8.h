// Integers of one quantisation as integers of another, fewer bits as a rule: what a residual sum of 8 bits becomes for
// a convolution that multiplies 2. By the one rule (kernels/int_views.h, Requantize), equal to the bit on every
// instruction set.
#pragma once

#include "tensor/ops/quantized.h"

namespace pith::ops {

/// What the result stands for: real = scale (q - zero_point), q in [0, highest].
struct RequantizedAs {
  float scale = 1;
  float multiplier = 1;  ///< (scale of x) / (scale of y), finite and above 0
  int32_t zero_point = 0, highest = 255;
};

/// y = clamp(round((q - zero point of x) * multiplier) + zero_point, 0, highest), half to even. x: u8 of any shape in
/// lanes, tiles or plain -> the same in its order, plain ones in lanes. Throws TypeError, ArgumentError.
QuantizedTensor requantize_u8(const QuantizedTensor& x, const RequantizedAs& to, const KernelTable& table = kernels());

}  // namespace pith::ops
