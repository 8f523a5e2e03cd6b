// The slow twins of convolution: what it means, for f64 (gradient checks) and as the truth that fast kernels are tested
// against. Never optimised. Plain row-major arrays; x [n, c, h, w], w [k, c / groups, kh, kw], y [n, k, oh, ow].
#pragma once

#include <cstdint>

#include "tensor/shape.h"

namespace pith::ops::reference {

/// Calls each(x index, w index, y index) for every product that a convolution adds up, in row-major order of (y, w).
template <class Each>
void each_product(const Shape& x, const Shape& w, const Shape& y, const Window& window, const Each& each) {
  const int64_t filters = w[0] / window.groups, channels = w[1], kh = w[2], kw = w[3];  // of one group
  const int64_t c_all = x[1], h = x[2], width = x[3], k_all = y[1], oh = y[2], ow = y[3];
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t k = 0; k < k_all; ++k)
      for (int64_t i = 0; i < oh; ++i)
        for (int64_t j = 0; j < ow; ++j)
          for (int64_t c = 0; c < channels; ++c)
            for (int64_t r = 0; r < kh; ++r)
              for (int64_t s = 0; s < kw; ++s) {
                const int64_t row = i * window.stride[0] + r * window.dilation[0] - window.padding[0];
                const int64_t column = j * window.stride[1] + s * window.dilation[1] - window.padding[1];
                if (row < 0 || row >= h || column < 0 || column >= width) continue;
                each(((n * c_all + k / filters * channels + c) * h + row) * width + column,
                     ((k * channels + c) * kh + r) * kw + s, ((n * k_all + k) * oh + i) * ow + j);
              }
}

/// y += convolution of xs with ws.
template <class T>
void conv2d(const T* xs, const T* ws, T* ys, const Shape& x, const Shape& w, const Shape& y, const Window& window) {
  each_product(x, w, y, window, [&](int64_t xi, int64_t wi, int64_t yi) { ys[yi] += xs[xi] * ws[wi]; });
}

/// dx += the gradient of x.
template <class T>
void conv2d_input_gradient(const T* dys, const T* ws, T* dxs, const Shape& x, const Shape& w, const Shape& y,
                           const Window& window) {
  each_product(x, w, y, window, [&](int64_t xi, int64_t wi, int64_t yi) { dxs[xi] += dys[yi] * ws[wi]; });
}

/// dw += the gradient of w.
template <class T>
void conv2d_weight_gradient(const T* xs, const T* dys, T* dws, const Shape& x, const Shape& w, const Shape& y,
                            const Window& window) {
  each_product(x, w, y, window, [&](int64_t xi, int64_t wi, int64_t yi) { dws[wi] += xs[xi] * dys[yi]; });
}

/// c [m, n] += a [m, k] b [k, n], each element of a and b at the given strides.
template <class T>
void matmul(const T* a, int64_t a_row, int64_t a_column, const T* b, int64_t b_row, int64_t b_column, T* c, int64_t m,
            int64_t k, int64_t n) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t p = 0; p < k; ++p)
      for (int64_t j = 0; j < n; ++j) c[i * n + j] += a[i * a_row + p * a_column] * b[p * b_row + j * b_column];
}

}  // namespace pith::ops::reference
