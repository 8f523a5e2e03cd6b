#include "tensor/ops/map.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/kernels/table.h"
#include "tensor/ops/floating.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t kLanes = LaneGeometry::kLanes;

bool has_kernel(const Map& f) { return f.kind != MapKind::log && f.kind != MapKind::power; }

/// 0 times an infinite factor is NaN, which must not get into a border.
bool has_finite_slope(const Map& f) { return std::isfinite(f.p); }

bool keeps_zero(const Map& f) {
  switch (f.kind) {
    case MapKind::clip:
      return f.p >= 0;
    case MapKind::leaky:
      return has_finite_slope(f);
    case MapKind::affine:
      return f.q == 0 && has_finite_slope(f);
    case MapKind::sigmoid:
    case MapKind::exp:
    case MapKind::log:
    case MapKind::power:
      return false;
    default:
      return true;
  }
}

/// The slow twin. Comparisons are written so that NaN stays NaN.
template <class T>
T value(const Map& f, T x) {
  const T p = static_cast<T>(f.p), q = static_cast<T>(f.q);
  switch (f.kind) {
    case MapKind::relu:
      return x < 0 ? T{0} : x;
    case MapKind::clip:
      return x < 0 ? std::min(T{0}, p) : x > p ? p : x;
    case MapKind::leaky:
      return x > 0 ? x : p * x;
    case MapKind::sigmoid:
      return 1 / (1 + std::exp(-x));
    case MapKind::tanh:
      return std::tanh(x);
    case MapKind::affine:
      return x * p + q;
    case MapKind::abs:
      return std::abs(x);
    case MapKind::exp:
      return std::exp(x);
    case MapKind::log:
      return std::log(x);
    case MapKind::power:
      break;
  }
  return f.p == 2 ? x * x : std::pow(x, p);
}

/// Its derivative, from the result or the argument v (gradient_reads_result).
template <class T>
T slope(const Map& f, T v) {
  const T p = static_cast<T>(f.p);
  switch (f.kind) {
    case MapKind::relu:
      return v > 0 ? T{1} : T{0};
    case MapKind::clip:
      return v > 0 && v < p ? T{1} : T{0};
    case MapKind::leaky:
      return v > 0 ? T{1} : p;
    case MapKind::sigmoid:
      return v * (1 - v);
    case MapKind::tanh:
      return 1 - v * v;
    case MapKind::affine:
      return p;
    case MapKind::abs:
      return v > 0 ? T{1} : v < 0 ? T{-1} : T{0};
    case MapKind::exp:
      return v;
    case MapKind::log:
      return 1 / v;
    case MapKind::power:
      break;
  }
  return f.p == 2 ? 2 * v : p * std::pow(v, p - 1);
}

template <class T>
void run(const Map& f, const T* x, T* y, int64_t count) {
  if constexpr (std::is_same_v<T, float>)
    if (has_kernel(f)) return kernels().map(f.kind, static_cast<float>(f.p), static_cast<float>(f.q), x, y, count);
  for (int64_t i = 0; i < count; ++i) y[i] = value(f, x[i]);
}

template <class T>
void run_flat(const Map& f, const T* x, T* y, int64_t count) {
  parallel_for(count, kElementGrain, [&](int64_t begin, int64_t end) { run(f, x + begin, y + begin, end - begin); });
}

Tensor map_lanes(const Map& f, const Tensor& x) {
  const LaneGeometry& g = x.geometry();
  Tensor y = x.is_tiles() ? Tensor::tiles(x.shape(), g.halo, g.grid) : Tensor::lanes(x.shape(), g.halo);
  const float* const in = x.data<float>();
  float* const out = y.mutable_data<float>();
  if (keeps_zero(f)) {
    run_flat(f, in, out, g.lines() * kLanes);
    return y;
  }
  parallel_for(g.blocks * g.c, 4, [&](int64_t begin, int64_t end) {  // the interior only
    for (int64_t i = begin; i < end; ++i)
      for (int64_t r = 0; r < g.h; ++r) {
        const int64_t line = g.line(i / g.c, i % g.c, r, 0) * kLanes;
        run(f, in + line, out + line, g.w * kLanes);
      }
  });
  clear_dead_lanes(y);
  if (y.is_tiles()) exchange_halo(y);
  return y;
}

template <class T>
void run_gradient(const Map& f, const T* v, const T* dy, T* dx, int64_t count) {
  if constexpr (std::is_same_v<T, float>)
    if (has_kernel(f)) return kernels().map_gradient(f.kind, static_cast<float>(f.p), v, dy, dx, count);
  for (int64_t i = 0; i < count; ++i) {
    const T s = slope(f, v[i]);
    dx[i] = s == 0 ? T{0} : s * dy[i];
  }
}

template <class T>
void run_gradient_flat(const Map& f, const Tensor& v, const Tensor& dy, Tensor& dx, int64_t count) {
  const T *const pv = v.data<T>(), *const pdy = dy.data<T>();
  T* const pdx = dx.mutable_data<T>();
  parallel_for(count, kElementGrain,
               [&](int64_t begin, int64_t end) { run_gradient(f, pv + begin, pdy + begin, pdx + begin, end - begin); });
}

}  // namespace

Tensor map(const Map& f, const Tensor& x) {
  check_floating("map", x);
  if (x.is_tiles() && has_kernel(f)) return map_lanes(f, x);
  if (x.is_lanes()) return has_kernel(f) ? map_lanes(f, x) : in_order_of(x, map(f, to_plain(x)));
  const Tensor in = x.contiguous();
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  dispatch_floating(x, [&]<class T>() { run_flat(f, in.data<T>(), y.mutable_data<T>(), x.numel()); });
  return y;
}

bool gradient_reads_result(const Map& f) {
  return f.kind == MapKind::relu || f.kind == MapKind::clip || f.kind == MapKind::sigmoid || f.kind == MapKind::tanh ||
         f.kind == MapKind::exp;
}

Tensor map_gradient(const Map& f, const Tensor& v, const Tensor& dy) {
  check_floating("map_gradient", v, dy);
  check_shape("map_gradient", "dy", dy, v.shape());
  if (v.is_lanes() && !(has_kernel(f) && has_finite_slope(f)))
    return in_order_of(v, map_gradient(f, to_plain(v), to_plain(dy)));
  const bool overwrite = dy.is_sole_owner() && (dy.is_lanes() || dy.is_contiguous());
  Tensor g = v.is_lanes() ? to_lanes(dy, v.geometry().halo) : to_plain(dy);
  const Tensor read = v.is_lanes() ? v : v.contiguous();
  Tensor dx = overwrite || !g.shares_storage_with(dy) ? g
              : v.is_lanes()                          ? Tensor::lanes(v.shape(), v.geometry().halo)
                                                      : Tensor::empty(v.shape(), v.dtype());
  dispatch_floating(
      v, [&]<class T>() { run_gradient_flat<T>(f, read, g, dx, static_cast<int64_t>(dx.bytes() / sizeof(T))); });
  return dx;
}

Tensor clip_limit_gradient(const Tensor& y, const Tensor& alpha, const Tensor& dy) {
  const Tensor v = to_plain(y), g = to_plain(dy);
  return dispatch_floating(v, [&]<class T>() {
    const T *const pv = v.data<T>(), *const pg = g.data<T>();
    const T limit = *alpha.data<T>();
    std::vector<double> partial(static_cast<size_t>(chunk_count(v.numel(), kElementGrain)));
    parallel_for(v.numel(), kElementGrain, [&](int64_t begin, int64_t end) {
      double& total = partial[static_cast<size_t>(begin / kElementGrain)];
      for (int64_t i = begin; i < end; ++i)
        if (pv[i] >= limit) total += static_cast<double>(pg[i]);
    });
    double total = 0;
    for (double p : partial) total += p;
    return Tensor::full({1}, total, y.dtype());
  });
}

}  // namespace pith::ops
