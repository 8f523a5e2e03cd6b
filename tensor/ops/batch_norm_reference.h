// The slow twins of batch normalisation, in plain order, written from the paper's formulas: f64 for gradient checks,
// and small plain f32 tensors. One channel after the other, two passes for the variance.
#pragma once

#include <cmath>

#include "tensor/ops/batch_norm.h"
#include "tensor/parallel.h"

namespace pith::ops::reference {

/// Calls f(i) for the elements of channel c of [n, c, ...], in order.
template <class F>
void each_of_channel(const Shape& s, int64_t c, const F& f) {
  const int64_t channels = s[1], pixels = s.rank() == 4 ? s[2] * s[3] : 1;
  for (int64_t n = 0; n < s[0]; ++n)
    for (int64_t p = 0; p < pixels; ++p) f((n * channels + c) * pixels + p);
}

template <class F>
void each_channel(const Shape& s, const F& f) {
  const int64_t size = s[1] == 0 ? 1 : s.numel() / s[1];
  parallel_for(s[1], 1 + 4096 / (size + 1), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) f(c);
  });
}

template <class T>
Moments moments(const T* x, const Shape& s) {
  const size_t channels = static_cast<size_t>(s[1]);
  Moments m{std::vector<double>(channels), std::vector<double>(channels), s[1] == 0 ? 0 : s.numel() / s[1]};
  const double count = static_cast<double>(m.count);
  each_channel(s, [&](int64_t c) {
    double sum = 0, squares = 0;
    each_of_channel(s, c, [&](int64_t i) { sum += static_cast<double>(x[i]); });
    const double mean = sum / count;
    each_of_channel(
        s, c, [&](int64_t i) { squares += (static_cast<double>(x[i]) - mean) * (static_cast<double>(x[i]) - mean); });
    m.mean[static_cast<size_t>(c)] = mean;
    m.variance[static_cast<size_t>(c)] = squares / count;
  });
  return m;
}

template <class T>
void normalize(const T* x, const T* residual, T* y, const Shape& s, const Normalization& norm) {
  each_channel(s, [&](int64_t c) {
    const T scale = static_cast<T>(norm.scale[static_cast<size_t>(c)]);
    const T shift = static_cast<T>(norm.shift[static_cast<size_t>(c)]);
    each_of_channel(s, c, [&](int64_t i) {
      const T v = x[i] * scale + shift + (residual != nullptr ? residual[i] : T{0});
      y[i] = norm.relu && v < 0 ? T{0} : v;
    });
  });
}

template <class T>
struct WayBack {
  const T *x, *y, *dy, *gamma;  ///< y may be null without a residual
  T *dx, *dgamma, *dbeta, *g;
};

template <class T>
void normalize_gradient(const WayBack<T>& w, const Shape& s, const Normalization& norm, bool batch) {
  each_channel(s, [&](int64_t c) {
    const size_t k = static_cast<size_t>(c);
    const T scale = static_cast<T>(norm.scale[k]), shift = static_cast<T>(norm.shift[k]);
    const double mean = norm.mean[k], inverse = norm.inverse[k], gamma = static_cast<double>(w.gamma[c]);
    double sum_g = 0, sum_gx = 0, count = 0;
    each_of_channel(s, c, [&](int64_t i) {
      const T result = w.y != nullptr ? w.y[i] : w.x[i] * scale + shift;
      w.g[i] = norm.relu && !(result > 0) ? T{0} : w.dy[i];
      sum_g += static_cast<double>(w.g[i]);
      sum_gx += static_cast<double>(w.g[i]) * (static_cast<double>(w.x[i]) - mean) * inverse;
      count += 1;
    });
    w.dbeta[c] = static_cast<T>(sum_g);
    w.dgamma[c] = static_cast<T>(sum_gx);
    each_of_channel(s, c, [&](int64_t i) {
      const double hat = (static_cast<double>(w.x[i]) - mean) * inverse;
      const double rest = batch ? (sum_g + hat * sum_gx) / count : 0;
      w.dx[i] = static_cast<T>(gamma * inverse * (static_cast<double>(w.g[i]) - rest));
    });
  });
}

}  // namespace pith::ops::reference
