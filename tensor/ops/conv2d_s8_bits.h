// Integer convolution of activations of one bit with weights of -1 and 1, by xor and population count (Rastegari et al.
// 2016): 32 channels of a window's pixel are one word. Sums and the rule behind them are conv2d_s8's, to the bit.
#pragma once

#include "tensor/ops/conv2d_s8.h"

namespace pith::ops {

/// For weights that have their signs beside them (IntWeights::signs), a u8 result, no tiles, and enough channels that
/// counting bits is no slower than multiplying bytes.
bool bits_pay(const QuantizedTensor& x, const IntWeights& w, const IntTarget& to);

/// What conv2d_s8 gives. x: 0s and 1s, in lane order; y: the result's shape.
Tensor conv2d_s8_bits(const QuantizedTensor& x, const IntWeights& w, const Window& window, const IntTarget& to,
                      const Shape& y, const KernelTable& table);

}  // namespace pith::ops
