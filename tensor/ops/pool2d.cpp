#include "tensor/ops/pool2d.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tensor/kernels/table.h"
#include "tensor/ops/floating.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t kLanes = LaneGeometry::kLanes;

/// Along one axis the places of a window inside of the image: [begin, end), every step-th.
struct Places {
  int64_t begin, end, step;
};

/// Of every window along axis a, 0: rows, 1: columns.
std::vector<Places> places(const LinePool& p, int a) {
  const int64_t extent = a == 0 ? p.h : p.w, outputs = a == 0 ? p.oh : p.ow, step = p.dilation[a];
  std::vector<Places> all;
  for (int64_t o = 0; o < outputs; ++o) {
    const int64_t start = o * p.stride[a] - p.padding[a];
    const int64_t skipped = start < 0 ? (step - 1 - start) / step : 0;
    all.push_back({start + skipped * step, std::min(extent, start + p.kernel[a] * step), step});
  }
  return all;
}

/// Refuses a window that sees nothing but padding: its maximum would be no number.
void check_windows(const char* op, const LinePool& p) {
  for (int a : {0, 1}) {
    const std::vector<Places> all = places(p, a);
    const auto empty = std::find_if(all.begin(), all.end(), [](const Places& w) { return w.begin >= w.end; });
    if (empty != all.end())
      throw ShapeError(std::string(op) + ": window " + std::to_string(empty - all.begin()) +
                       " lies in the padding of " + std::to_string(p.padding[a]) + " alone, the image has " +
                       std::to_string(a == 0 ? p.h : p.w) + "; take less padding");
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

/// The windows of a plane in plain order: of each row and column of windows the places inside of the image.
class Windows {
 public:
  explicit Windows(const LinePool& p) : width_(p.w), rows_(places(p, 0)), columns_(places(p, 1)) {}

  /// Calls visit(output, window) for every output; window(f) calls f(place) for its places in the plane, row-major.
  template <class Visit>
  void each(const Visit& visit) const {
    int64_t output = 0;
    for (const Places& rows : rows_)
      for (const Places& columns : columns_)
        visit(output++, [&](const auto& f) {
          for (int64_t y = rows.begin; y < rows.end; y += rows.step)
            for (int64_t x = columns.begin; x < columns.end; x += columns.step) f(y * width_ + x);
        });
  }

 private:
  int64_t width_;
  std::vector<Places> rows_, columns_;
};

// One plane in plain order.

/// The first NaN, or the first of the largest.
template <class T>
void max_plane(const Windows& windows, const T* x, T* y) {
  windows.each([&](int64_t o, const auto& window) {
    T best = -std::numeric_limits<T>::infinity();
    bool has_nan = false;
    window([&](int64_t i) {
      best = x[i] > best ? x[i] : best;
      has_nan |= std::isnan(x[i]);
    });
    if (has_nan)
      window([&](int64_t i) {
        if (std::isnan(x[i]) && !std::isnan(best)) best = x[i];
      });
    y[o] = best;
  });
}

template <class T>
void max_plane_gradient(const Windows& windows, const T* x, const T* y, const T* dy, T* dx) {
  windows.each([&](int64_t o, const auto& window) {
    bool given = false;
    window([&](int64_t i) {
      if (given || x[i] != y[o]) return;
      dx[i] += dy[o];
      given = true;
    });
  });
}

template <class T>
void mean_plane(const Windows& windows, T share, const T* x, T* y) {
  windows.each([&](int64_t o, const auto& window) {
    T total = 0;
    window([&](int64_t i) { total += x[i]; });
    y[o] = total * share;
  });
}

template <class T>
void mean_plane_gradient(const Windows& windows, T share, const T* dy, T* dx) {
  windows.each([&](int64_t o, const auto& window) { window([&](int64_t i) { dx[i] += dy[o] * share; }); });
}

/// What a place counts for in its window's mean; padding counts as 0.
template <class T>
T share_of(const LinePool& p) {
  return T{1} / static_cast<T>(p.kernel[0] * p.kernel[1]);
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
    return run_plain<T>(result, x, [v = Windows(p)](int64_t, const T* in, T* out) { max_plane(v, in, out); });
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
    const int64_t step = p.oh * p.ow, plane = p.h * p.w;
    return run_plain<T>(x.shape(), x, [&, v = Windows(p)](int64_t i, const T* in, T* out) {
      std::fill(out, out + plane, T{0});
      max_plane_gradient(v, in, py + i * step, pdy + i * step, out);
    });
  });
}

Tensor average_pool2d(const Tensor& x, const PoolKernel& kernel, const Window& window) {
  check_floating("average_pool2d", x);
  const LinePool p = geometry("average_pool2d", x.shape(), kernel, window);
  const Shape result = pooled(x.shape(), p);
  if (x.is_lanes()) return run_lanes(kernels().line_mean_pool, p, result, x, {}, {});
  return dispatch_floating(x, [&]<class T>() {
    return run_plain<T>(result, x, [v = Windows(p), share = share_of<T>(p)](int64_t, const T* in, T* out) {
      mean_plane(v, share, in, out);
    });
  });
}

Tensor average_pool2d_gradient(const Tensor& dy, const Shape& x, const PoolKernel& kernel, const Window& window) {
  check_floating("average_pool2d", dy);
  const LinePool p = geometry("average_pool2d", x, kernel, window);
  check_shape("average_pool2d", "dy", dy, pooled(x, p));
  if (dy.is_lanes()) return run_lanes(kernels().line_mean_pool_gradient, p, x, {}, {}, dy);
  return dispatch_floating(dy, [&]<class T>() {
    const int64_t plane = p.h * p.w;
    return run_plain<T>(x, dy, [plane, v = Windows(p), share = share_of<T>(p)](int64_t, const T* in, T* out) {
      std::fill(out, out + plane, T{0});
      mean_plane_gradient(v, share, in, out);
    });
  });
}

}  // namespace pith::ops
