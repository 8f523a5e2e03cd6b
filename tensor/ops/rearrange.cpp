#include "tensor/ops/rearrange.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "tensor/error.h"
#include "tensor/ops/floating.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t kLanes = LaneGeometry::kLanes;
constexpr size_t kLineBytes = kLanes * sizeof(float);

int64_t image_halo(const Shape& s) { return s.rank() == 4 && s[2] * s[3] != 1 ? 1 : 0; }

/// Copies `lines` lines.
void copy_lines(const float* from, float* to, int64_t lines) {
  std::memcpy(to, from, static_cast<size_t>(lines) * kLineBytes);
}

/// Calls f(block, channel) for every plane.
template <class F>
void each_plane(const LaneGeometry& g, const F& f) {
  const int64_t grain = std::max<int64_t>(1, kElementGrain / (g.plane * kLanes));
  parallel_for(g.blocks * g.c, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i / g.c, i % g.c);
  });
}

/// Copies channels [from, from + channels) of x to channels [to, ...) of y: whole planes, halo included.
void copy_channels(const Tensor& x, int64_t from, Tensor& y, int64_t to, int64_t channels) {
  const LaneGeometry &in = x.geometry(), &out = y.geometry();
  const float* const px = x.data<float>();
  float* const py = y.mutable_data<float>();
  parallel_for(in.blocks * channels, std::max<int64_t>(1, kElementGrain / (in.plane * kLanes)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t b = i / channels, c = i % channels;
                   copy_lines(px + (b * in.block + (from + c) * in.plane) * kLanes,
                              py + (b * out.block + (to + c) * out.plane) * kLanes, in.plane);
                 }
               });
}

bool join_lanes(std::span<const Tensor> xs, int axis) {
  return axis == 1 && std::all_of(xs.begin(), xs.end(), [&](const Tensor& t) {
           return t.is_lanes() && t.geometry().halo == xs[0].geometry().halo;
         });
}

Shape joined_shape(std::span<const Tensor> xs, int axis) {
  int64_t extent = 0;
  for (const Tensor& t : xs) {
    if (t.shape().rank() != xs[0].shape().rank() || !(t.shape().with(axis, 0) == xs[0].shape().with(axis, 0)) ||
        t.dtype() != xs[0].dtype())
      throw ShapeError("concat: " + text(t) + " does not continue " + text(xs[0]) + " along axis " +
                       std::to_string(axis));
    extent += t.shape()[axis];
  }
  return xs[0].shape().with(axis, extent);
}

/// Copies every stride-th pixel of x's channels between a small and a large lane tensor.
template <class F>
void each_taken_line(const LaneGeometry& small, const LaneGeometry& large, int64_t stride, int64_t before,
                     const F& copy) {
  each_plane(large, [&](int64_t b, int64_t c) {
    for (int64_t y = 0; y < small.h; ++y)
      for (int64_t x = 0; x < small.w; ++x)
        copy(small.line(b, c + before, y, x) * kLanes, large.line(b, c, y * stride, x * stride) * kLanes);
  });
}

Shape subsampled(const Shape& x, int64_t stride, int64_t channels) {
  if (x.rank() != 4 || stride < 1 || channels < x[1])
    throw ShapeError("subsample_pad: wants an image, a stride of at least 1 and no fewer channels; here are " +
                     text(x) + ", " + std::to_string(stride) + " and " + std::to_string(channels));
  return Shape{x[0], channels, (x[2] + stride - 1) / stride, (x[3] + stride - 1) / stride};
}

/// The same in plain order: f(index in small, index in large).
template <class F>
void each_taken_element(const Shape& small, const Shape& large, int64_t stride, int64_t before, const F& f) {
  for (int64_t i = 0; i < large[0] * large[1]; ++i)
    for (int64_t y = 0; y < small[2]; ++y)
      for (int64_t x = 0; x < small[3]; ++x)
        f(((i / large[1] * small[1] + i % large[1] + before) * small[2] + y) * small[3] + x,
          (i * large[2] + y * stride) * large[3] + x * stride);
}

}  // namespace

Tensor concat(std::span<const Tensor> xs, int axis) {
  if (xs.empty()) throw ShapeError("concat: there is nothing to join");
  const int a = checked_axis(axis, xs[0].shape().rank(), "concat");
  const Shape shape = joined_shape(xs, a);
  int64_t at = 0;
  if (join_lanes(xs, a)) {
    Tensor y = Tensor::lanes(shape, xs[0].geometry().halo);
    for (const Tensor& t : xs) {
      copy_channels(t, 0, y, at, t.shape()[1]);
      at += t.shape()[1];
    }
    return y;
  }
  Tensor y = Tensor::empty(shape, xs[0].dtype());
  for (const Tensor& t : xs) {
    y.narrow(a, at, t.shape()[a]).copy_from(t);
    at += t.shape()[a];
  }
  return y;
}

Tensor narrow(const Tensor& x, int axis, int64_t start, int64_t length) {
  const int a = checked_axis(axis, x.shape().rank(), "narrow");
  if (!x.is_lanes()) return (x.is_plain() ? x : to_plain(x)).narrow(a, start, length);
  if (a != 1 || start < 0 || length < 0 || start > x.shape()[1] - length)
    return to_plain(x).narrow(a, start, length);  // and its error
  Tensor y = Tensor::lanes(x.shape().with(1, length), x.geometry().halo);
  copy_channels(x, start, y, 0, length);
  return y;
}

Tensor narrow_gradient(const Tensor& dy, const Shape& x, int axis, int64_t start) {
  const int a = checked_axis(axis, x.rank(), "narrow");
  if (dy.is_lanes() && a == 1) {
    Tensor dx = Tensor::lanes(x, dy.geometry().halo);
    dx.fill(0);
    copy_channels(dy, 0, dx, start, dy.shape()[1]);
    return dx;
  }
  Tensor dx = Tensor::zeros(x, dy.dtype());
  dx.narrow(a, start, dy.shape()[a]).copy_from(dy);
  return dx;
}

Tensor flatten(const Tensor& x) {
  const Shape& s = x.shape();
  if (s.rank() != 4) throw ShapeError("flatten: wants [n, c, h, w], here is " + text(s));
  const Shape flat{s[0], checked_mul(s[1], checked_mul(s[2], s[3]))};
  if (!x.is_lanes()) return x.contiguous().view(flat);
  Tensor y = Tensor::lanes(flat, 0);
  const LaneGeometry &in = x.geometry(), &out = y.geometry();
  const float* const px = x.data<float>();
  float* const py = y.mutable_data<float>();
  each_plane(in, [&](int64_t b, int64_t c) {
    for (int64_t r = 0; r < in.h; ++r)
      copy_lines(px + in.line(b, c, r, 0) * kLanes, py + out.line(b, (c * in.h + r) * in.w, 0, 0) * kLanes, in.w);
  });
  return y;
}

Tensor flatten_gradient(const Tensor& dy, const Shape& x) {
  if (!dy.is_lanes()) return dy.contiguous().view(x);
  Tensor dx = Tensor::lanes(x, image_halo(x));
  const LaneGeometry &in = dy.geometry(), &out = dx.geometry();
  const float* const px = dy.data<float>();
  float* const py = dx.mutable_data<float>();
  each_plane(out, [&](int64_t b, int64_t c) {
    for (int64_t r = 0; r < out.h; ++r)
      copy_lines(px + in.line(b, (c * out.h + r) * out.w, 0, 0) * kLanes, py + out.line(b, c, r, 0) * kLanes, out.w);
  });
  return dx;
}

Tensor subsample_pad(const Tensor& x, int64_t stride, int64_t channels) {
  check_floating("subsample_pad", x);
  const Shape small = subsampled(x.shape(), stride, channels);
  const int64_t before = (channels - x.shape()[1]) / 2;
  if (x.is_lanes()) {
    Tensor y = Tensor::lanes(small, image_halo(small));
    y.fill(0);
    const float* const px = x.data<float>();
    float* const py = y.mutable_data<float>();
    each_taken_line(y.geometry(), x.geometry(), stride, before,
                    [&](int64_t s, int64_t l) { copy_lines(px + l, py + s, 1); });
    return y;
  }
  Tensor y = Tensor::zeros(small, x.dtype());
  const Tensor in = x.contiguous();
  dispatch_floating(x, [&]<class T>() {
    each_taken_element(small, x.shape(), stride, before,
                       [px = in.data<T>(), py = y.mutable_data<T>()](int64_t s, int64_t l) { py[s] = px[l]; });
  });
  return y;
}

Tensor subsample_pad_gradient(const Tensor& dy, const Shape& x, int64_t stride) {
  check_floating("subsample_pad", dy);
  check_shape("subsample_pad", "dy", dy, subsampled(x, stride, dy.shape()[1]));
  const int64_t before = (dy.shape()[1] - x[1]) / 2;
  if (dy.is_lanes()) {
    Tensor dx = Tensor::lanes(x, image_halo(x));
    dx.fill(0);
    const float* const pdy = dy.data<float>();
    float* const pdx = dx.mutable_data<float>();
    each_taken_line(dy.geometry(), dx.geometry(), stride, before,
                    [&](int64_t s, int64_t l) { copy_lines(pdy + s, pdx + l, 1); });
    return dx;
  }
  Tensor dx = Tensor::zeros(x, dy.dtype());
  const Tensor g = dy.contiguous();
  dispatch_floating(dy, [&]<class T>() {
    each_taken_element(dy.shape(), x, stride, before,
                       [pdy = g.data<T>(), pdx = dx.mutable_data<T>()](int64_t s, int64_t l) { pdx[l] = pdy[s]; });
  });
  return dx;
}

}  // namespace pith::ops
