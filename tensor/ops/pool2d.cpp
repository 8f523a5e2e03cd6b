#include "tensor/ops/pool2d.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "tensor/kernels/table.h"
#include "tensor/ops/floating.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t kLanes = LaneGeometry::kLanes;

/// Refuses a window that sees nothing but padding: its maximum would be no number.
void check_windows(const char* op, const LinePool& p) {
  for (int a : {0, 1}) {
    const int64_t extent = a == 0 ? p.h : p.w, outputs = a == 0 ? p.oh : p.ow;
    for (int64_t o = 0; o < outputs; ++o) {
      const int64_t start = o * p.stride[a] - p.padding[a];
      const int64_t skipped = start < 0 ? (p.dilation[a] - 1 - start) / p.dilation[a] : 0;
      if (skipped >= p.kernel[a] || start + skipped * p.dilation[a] >= extent)
        throw ShapeError(std::string(op) + ": window " + std::to_string(o) + " lies in the padding of " +
                         std::to_string(p.padding[a]) + " alone, the image has " + std::to_string(extent) +
                         "; take less padding");
    }
  }
}

LinePool geometry(const char* op, const Shape& x, const PoolKernel& kernel, const Window& v) {
  if (x.rank() != 4) throw ShapeError(std::string(op) + ": wants an image [n, c, h, w], here is " + text(x));
  LinePool p;
  p.h = x[2];
  p.w = x[3];
  for (size_t a : {0u, 1u}) {
    p.kernel[a] = kernel[a];
    p.stride[a] = v.stride[a];
    p.padding[a] = v.padding[a];
    p.dilation[a] = v.dilation[a];
  }
  p.oh = window_extent(p.h, kernel[0], v.stride[0], v.padding[0], v.dilation[0], op);
  p.ow = window_extent(p.w, kernel[1], v.stride[1], v.padding[1], v.dilation[1], op);
  check_windows(op, p);
  return p;
}

/// Calls f(place) for the places of window (oy, ox) inside the plane, row-major.
template <class F>
void each_place(const LinePool& p, int64_t oy, int64_t ox, const F& f) {
  const int64_t y0 = oy * p.stride[0] - p.padding[0], x0 = ox * p.stride[1] - p.padding[1];
  for (int64_t r = 0; r < p.kernel[0]; ++r)
    for (int64_t s = 0; s < p.kernel[1]; ++s) {
      const int64_t y = y0 + r * p.dilation[0], x = x0 + s * p.dilation[1];
      if (y >= 0 && y < p.h && x >= 0 && x < p.w) f(y * p.w + x);
    }
}

// The slow twins: one plane in plain order.

template <class T>
void max_plane(const LinePool& p, const T* x, T* y) {
  for (int64_t o = 0; o < p.oh * p.ow; ++o) {
    bool first = true;
    T best = 0;
    each_place(p, o / p.ow, o % p.ow, [&](int64_t i) {
      if (first || x[i] > best || std::isnan(x[i])) best = std::isnan(best) ? best : x[i];
      first = false;
    });
    y[o] = best;
  }
}

template <class T>
void max_plane_gradient(const LinePool& p, const T* x, const T* y, const T* dy, T* dx) {
  std::fill(dx, dx + p.h * p.w, T{0});
  for (int64_t o = 0; o < p.oh * p.ow; ++o) {
    bool given = false;
    each_place(p, o / p.ow, o % p.ow, [&](int64_t i) {
      if (given || x[i] != y[o]) return;
      dx[i] += dy[o];
      given = true;
    });
  }
}

template <class T>
void mean_plane(const LinePool& p, const T* x, T* y) {
  const T share = T{1} / static_cast<T>(p.kernel[0] * p.kernel[1]);
  for (int64_t o = 0; o < p.oh * p.ow; ++o) {
    T total = 0;
    each_place(p, o / p.ow, o % p.ow, [&](int64_t i) { total += x[i]; });
    y[o] = total * share;
  }
}

template <class T>
void mean_plane_gradient(const LinePool& p, const T* dy, T* dx) {
  const T share = T{1} / static_cast<T>(p.kernel[0] * p.kernel[1]);
  std::fill(dx, dx + p.h * p.w, T{0});
  for (int64_t o = 0; o < p.oh * p.ow; ++o)
    each_place(p, o / p.ow, o % p.ow, [&](int64_t i) { dx[i] += dy[o] * share; });
}

/// Calls f(plane) for every plane, several to a chunk.
template <class F>
void each_plane(int64_t planes, int64_t elements, const F& f) {
  const int64_t grain = std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, elements));
  parallel_for(planes, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

LinesIn plane_in(const Tensor& t, int64_t i) {
  const LaneGeometry& g = t.geometry();
  return {t.data<float>() + g.line(i / g.c, i % g.c, 0, 0) * kLanes, g.row};
}
LinesOut plane_out(Tensor& t, int64_t i) {
  const LaneGeometry& g = t.geometry();
  return {t.mutable_data<float>() + g.line(i / g.c, i % g.c, 0, 0) * kLanes, g.row};
}

Tensor empty_lanes(const Shape& shape) { return Tensor::lanes(shape, shape[2] * shape[3] == 1 ? 0 : 1); }

using LineKernel = void(const LinePool&);

/// One kernel over every plane of lanes; y and dy may be missing.
Tensor run_lanes(LineKernel* kernel, const LinePool& pool, const Shape& result, const Tensor& x, const Tensor& y,
                 const Tensor& dy) {
  Tensor out = empty_lanes(result);
  const LaneGeometry& g = out.geometry();
  each_plane(g.blocks * g.c, (pool.h * pool.w + pool.oh * pool.ow) * kLanes, [&](int64_t i) {
    LinePool p = pool;
    if (x.defined()) p.x = plane_in(x, i);
    if (y.defined()) p.y = plane_in(y, i);
    if (dy.defined()) p.dy = plane_in(dy, i);
    p.out = plane_out(out, i);
    kernel(p);
  });
  return out;
}

Shape pooled(const Shape& x, const LinePool& p) { return x.with(2, p.oh).with(3, p.ow); }

/// The same in plain order: f(p, plane, x, out) for every plane of x.
template <class T, class F>
Tensor run_plain(const Shape& result, const Tensor& x, const F& f) {
  const Tensor in = x.contiguous();
  Tensor out = Tensor::empty(result, x.dtype());
  const int64_t from = x.shape()[2] * x.shape()[3], to = result[2] * result[3];
  const T* const px = in.data<T>();
  T* const po = out.mutable_data<T>();
  each_plane(result[0] * result[1], from + to, [&](int64_t i) { f(i, px + i * from, po + i * to); });
  return out;
}

}  // namespace

Tensor max_pool2d(const Tensor& x, const PoolKernel& kernel, const Window& window) {
  check_floating("max_pool2d", x);
  const LinePool p = geometry("max_pool2d", x.shape(), kernel, window);
  const Shape result = pooled(x.shape(), p);
  if (x.is_lanes()) return run_lanes(kernels().line_max_pool, p, result, x, {}, {});
  return dispatch_floating(x, [&]<class T>() {
    return run_plain<T>(result, x, [&](int64_t, const T* in, T* out) { max_plane(p, in, out); });
  });
}

Tensor max_pool2d_gradient(const Tensor& x, const Tensor& y, const Tensor& dy, const PoolKernel& kernel,
                           const Window& window) {
  const LinePool p = geometry("max_pool2d", x.shape(), kernel, window);
  check_floating("max_pool2d", x, dy);
  check_shape("max_pool2d", "dy", dy, pooled(x.shape(), p));
  check_shape("max_pool2d", "y", y, dy.shape());
  if (x.is_lanes())
    return run_lanes(kernels().line_max_pool_gradient, p, x.shape(), x, in_order_of(x, y), in_order_of(x, dy));
  const Tensor yp = to_plain(y), dyp = to_plain(dy);
  return dispatch_floating(x, [&]<class T>() {
    const T *const py = yp.data<T>(), *const pdy = dyp.data<T>();
    const int64_t step = p.oh * p.ow;
    return run_plain<T>(x.shape(), x, [&](int64_t i, const T* in, T* out) {
      max_plane_gradient(p, in, py + i * step, pdy + i * step, out);
    });
  });
}

Tensor average_pool2d(const Tensor& x, const PoolKernel& kernel, const Window& window) {
  check_floating("average_pool2d", x);
  const LinePool p = geometry("average_pool2d", x.shape(), kernel, window);
  const Shape result = pooled(x.shape(), p);
  if (x.is_lanes()) return run_lanes(kernels().line_mean_pool, p, result, x, {}, {});
  return dispatch_floating(x, [&]<class T>() {
    return run_plain<T>(result, x, [&](int64_t, const T* in, T* out) { mean_plane(p, in, out); });
  });
}

Tensor average_pool2d_gradient(const Tensor& dy, const Shape& x, const PoolKernel& kernel, const Window& window) {
  check_floating("average_pool2d", dy);
  const LinePool p = geometry("average_pool2d", x, kernel, window);
  check_shape("average_pool2d", "dy", dy, pooled(x, p));
  if (dy.is_lanes()) return run_lanes(kernels().line_mean_pool_gradient, p, x, {}, {}, dy);
  return dispatch_floating(dy, [&]<class T>() {
    return run_plain<T>(x, dy, [&](int64_t, const T* in, T* out) { mean_plane_gradient(p, in, out); });
  });
}

}  // namespace pith::ops
