// The slow twin of binary convolution. Never optimised. Plain row-major signs, each -1 or +1.
#pragma once

#include <cstdint>

#include "tensor/shape.h"

namespace pith::ops::reference {

/// ys[n, k, oh, ow] = sums of products; outside of the image every x is `padding` (-1, 0 or +1).
inline void binary_conv2d(const int8_t* xs, const int8_t* ws, int32_t* ys, const Shape& x, const Shape& w,
                          const Shape& y, const Window& window, int padding) {
  const int64_t filters = w[0] / window.groups;
  for (int64_t i = 0; i < y.numel(); ++i) {
    const int64_t n = i / (y[1] * y[2] * y[3]), k = i / (y[2] * y[3]) % y[1], oh = i / y[3] % y[2], ow = i % y[3];
    ys[i] = 0;
    for (int64_t j = 0; j < w[1] * w[2] * w[3]; ++j) {
      const int64_t c = j / (w[2] * w[3]), r = j / w[3] % w[2], s = j % w[3];
      const int64_t row = oh * window.stride[0] + r * window.dilation[0] - window.padding[0];
      const int64_t column = ow * window.stride[1] + s * window.dilation[1] - window.padding[1];
      const bool inside = row >= 0 && row < x[2] && column >= 0 && column < x[3];
      const int64_t at = ((n * x[1] + k / filters * w[1] + c) * x[2] + row) * x[3] + column;
      ys[i] += ws[k * w[1] * w[2] * w[3] + j] * (inside ? xs[at] : padding);
    }
  }
}

}  // namespace pith::ops::reference
