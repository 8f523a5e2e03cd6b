// The slow twin of integer convolution: what it means, in 64-bit integers and plain floats. Never optimised.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "tensor/ops/conv2d_reference.h"

namespace pith::ops::reference {

/// sums += convolution of (xs - zero point) with ws, as the integers they are. Shapes as conv2d's.
inline void conv2d_s8(const uint8_t* xs, int32_t zero_point, const int8_t* ws, int64_t* sums, const Shape& x,
                      const Shape& w, const Shape& y, const Window& window) {
  each_product(x, w, y, window,
               [&](int64_t xi, int64_t wi, int64_t yi) { sums[yi] += (int64_t{xs[xi]} - zero_point) * ws[wi]; });
}

/// The residual's term of requantize: (r - its zero point) * (its scale / that of y).
inline float residual_term(uint8_t r, int32_t zero_point, float scale) {
  return static_cast<float>(r - zero_point) * scale;
}

/// clamp(round(sum * scale + residual) + zero_point), not below the zero point with relu. ONNX's QLinearConv.
inline uint8_t requantize(int64_t sum, float scale, float residual, int32_t zero_point, bool relu) {
  const volatile float product = static_cast<float>(sum) * scale;  // rounded to float before it is added to
  const double rounded = std::nearbyint(static_cast<double>(product + residual)) + zero_point;
  return static_cast<uint8_t>(std::clamp(rounded, relu ? zero_point : 0.0, 255.0));
}

}  // namespace pith::ops::reference
