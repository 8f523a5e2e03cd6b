// Integer convolution of few images: pixels become the lanes. In lane order one image fills one lane of 16; unfolded, a
// pixel being a vector of all that its window reads, it fills them all. Products, sums and the rule behind them are
// those of linear_s8, so every integer is that of conv2d_s8's other ways.
#pragma once

#include "tensor/ops/conv2d_s8.h"

namespace pith::ops {

/// For up to 4 images that are no tiles: a u8 result y [n, k, oh, ow] of 5 channels and 16 pixels or more, without
/// residual, of dense weights in one group whose sums fit 32 bits.
bool pixels_pay(const Shape& y, const IntWeights& w, const IntTarget& to);

/// What conv2d_s8 gives. x: in lane order with the halo that the window reads; y: the result's shape.
Tensor conv2d_s8_pixels(const QuantizedTensor& x, const IntWeights& w, const Window& window, const IntTarget& to,
                        const Shape& y, const KernelTable& table);

}  // namespace pith::ops
