#include "tensor/ops/requantize.h"

#include <algorithm>
#include <vector>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/floating.h"
#include "tensor/ops/nearest.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

/// A plain tensor as planes of one channel each.
struct PlaneGeometry {
  int64_t images, channels, length;
  explicit PlaneGeometry(const Shape& s) : images(s[0]), channels(s[1]), length(s.rank() == 4 ? s[2] * s[3] : 1) {}
};

Tensor settled(const Tensor& t) { return t.is_lanes() ? t : to_plain(t).contiguous(); }
Tensor like(const Tensor& sums, const Tensor& t) {
  return settled(in_order_of(sums, sums.is_lanes() ? t : to_plain(t)));
}

void check(const Tensor& sums, const Requantization& r) {
  check_floating("requantize", sums, r.scale);
  const Shape& s = sums.shape();
  if (s.rank() != 2 && s.rank() != 4) throw ShapeError("requantize: wants [n, k] or [n, k, h, w], here is " + text(s));
  check_shape("requantize", "bias", r.bias, {s[1]});
  check_shape("requantize", "scale", r.scale, {s[1]});
  if (!r.residual.defined()) return;
  check_shape("requantize", "residual", r.residual, s);
  check_shape("requantize", "residual_scale", r.residual_scale, {1});
}

/// Per-channel operands side by side.
Requantization contiguous(Requantization r) {
  r.bias = r.bias.contiguous();
  r.scale = r.scale.contiguous();
  if (r.residual.defined()) r.residual_scale = r.residual_scale.contiguous();
  return r;
}

Tensor empty_like(const Tensor& sums) {
  return sums.is_lanes() ? Tensor::lanes(sums.shape(), sums.geometry().halo)
                         : Tensor::empty(sums.shape(), sums.dtype());
}

template <class T>
struct Channel {
  T bias, scale, residual_scale, low, high;
  Channel(const Requantization& r, int64_t k)
      : bias(r.bias.data<T>()[k]),
        scale(r.scale.data<T>()[k]),
        residual_scale(r.residual.defined() ? r.residual_scale.data<T>()[0] : T{0}),
        low(static_cast<T>(r.lowest)),
        high(static_cast<T>(r.highest)) {}
};

LinesIn lines_in(const Tensor& t, int64_t block, int64_t k) {
  const LaneGeometry& g = t.geometry();
  return {t.data<float>() + g.line(block, k, 0, 0) * LaneGeometry::kLanes, g.row};
}
LinesOut lines_out(Tensor& t, int64_t block, int64_t k) {
  const LaneGeometry& g = t.geometry();
  return {t.mutable_data<float>() + g.line(block, k, 0, 0) * LaneGeometry::kLanes, g.row};
}

/// Operands of one plane of lanes; y is left to the caller.
LineRequantize plane_of(const Tensor& sums, const Requantization& r, const Tensor& residual, int64_t block, int64_t k) {
  const Channel<float> c(r, k);
  return {.sums = lines_in(sums, block, k),
          .residual = residual.defined() ? lines_in(residual, block, k) : LinesIn{},
          .y = {},
          .h = sums.geometry().h,
          .w = sums.geometry().w,
          .bias = c.bias,
          .scale = c.scale,
          .residual_scale = c.residual_scale,
          .low = c.low,
          .high = c.high,
          .rounds = r.rounds};
}

Tensor forward_lanes(const Tensor& sums, const Requantization& r, const Tensor& residual) {
  Tensor y = empty_like(sums);
  const int64_t channels = sums.shape()[1];
  parallel_for(sums.geometry().blocks * channels, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      LineRequantize plane = plane_of(sums, r, residual, i / channels, i % channels);
      plane.y = lines_out(y, i / channels, i % channels);
      kernels().line_requantize(plane);
    }
  });
  clear_dead_lanes(y);
  return y;
}

template <class T>
Tensor forward(const Tensor& sums, const Requantization& r, const Tensor& residual) {
  Tensor y = empty_like(sums);
  const PlaneGeometry g(sums.shape());
  parallel_for(g.images * g.channels, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Channel<T> c(r, i % g.channels);
      const T* const s = sums.data<T>() + i * g.length;
      const T* const e = residual.defined() ? residual.data<T>() + i * g.length : nullptr;
      T* const out = y.mutable_data<T>() + i * g.length;
      for (int64_t j = 0; j < g.length; ++j) {
        T v = (s[j] + c.bias) * c.scale;
        if (e != nullptr) v = v + e[j] * c.residual_scale;
        v = std::min(std::max(v, c.low), c.high);
        out[j] = r.rounds ? nearest(v) : v;
      }
    }
  });
  return y;
}

struct ChannelSums {
  double bias = 0, scale = 0, residual_scale = 0;
};

/// One plane; sums of short stretches are float, of planes double.
template <class T>
void backward_plane(const Channel<T>& c, const T* s, const T* r, const T* dy, T* ds, T* dr, int64_t length,
                    ChannelSums& total) {
  for (int64_t first = 0; first < length; first += 256) {
    T bias = 0, scale = 0, rest = 0;
    const int64_t last = std::min(length, first + 256);
    for (int64_t i = first; i < last; ++i) {
      const T t = s[i] + c.bias;
      T v = t * c.scale;
      if (r != nullptr) v = v + r[i] * c.residual_scale;
      const T g = v >= c.low && v <= c.high ? dy[i] : T{0};
      ds[i] = g * c.scale;
      bias += g;
      scale += g * t;
      if (r == nullptr) continue;
      dr[i] = g * c.residual_scale;
      rest += g * r[i];
    }
    total.bias += static_cast<double>(bias) * static_cast<double>(c.scale);
    total.scale += static_cast<double>(scale), total.residual_scale += static_cast<double>(rest);
  }
}

template <class T>
std::vector<ChannelSums> backward(const Tensor& sums, const Requantization& r, const Tensor& residual, const Tensor& dy,
                                  RequantizationGradients& d) {
  const PlaneGeometry g(sums.shape());
  std::vector<ChannelSums> parts(static_cast<size_t>(g.images * g.channels));
  const bool adds = residual.defined();
  parallel_for(g.images * g.channels, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t at = i * g.length;
      backward_plane(Channel<T>(r, i % g.channels), sums.data<T>() + at, adds ? residual.data<T>() + at : nullptr,
                     dy.data<T>() + at, d.sums.mutable_data<T>() + at,
                     adds ? d.residual.mutable_data<T>() + at : nullptr, g.length, parts[static_cast<size_t>(i)]);
    }
  });
  return parts;
}

std::vector<ChannelSums> backward_lanes(const Tensor& sums, const Requantization& r, const Tensor& residual,
                                        const GradientParts& dy, RequantizationGradients& d) {
  const int64_t channels = sums.shape()[1];
  std::vector<ChannelSums> parts(static_cast<size_t>(sums.geometry().blocks * channels));
  parallel_for(std::ssize(parts), 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t block = i / channels, k = i % channels;
      LineRequantizeGradient plane{.forward = plane_of(sums, r, residual, block, k),
                                   .dy = lines_in(dy.dy, block, k),
                                   .more = dy.more.defined() ? lines_in(dy.more, block, k) : LinesIn{},
                                   .sums = lines_out(d.sums, block, k),
                                   .residual = residual.defined() ? lines_out(d.residual, block, k) : LinesOut{}};
      double total[3];
      kernels().line_requantize_gradient(plane, total);
      parts[static_cast<size_t>(i)] = {total[0] * static_cast<double>(plane.forward.scale), total[1], total[2]};
    }
  });
  return parts;
}

/// What planes add up to, channel by channel, always in one order.
void add_up(const std::vector<ChannelSums>& parts, int64_t channels, DType dtype, RequantizationGradients& d) {
  std::vector<double> bias(static_cast<size_t>(channels)), scale(bias);
  double rest = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const size_t k = i % static_cast<size_t>(channels);
    bias[k] += parts[i].bias, scale[k] += parts[i].scale, rest += parts[i].residual_scale;
  }
  d.bias = Tensor::from(bias, Shape{channels}).to(dtype);
  d.scale = Tensor::from(scale, Shape{channels}).to(dtype);
  d.residual_scale = Tensor::full({1}, rest, dtype);
}

}  // namespace

Tensor requantize(const Tensor& sums, const Requantization& given) {
  check(sums, given);
  const Requantization r = contiguous(given);
  const Tensor s = settled(sums), residual = r.residual.defined() ? like(s, r.residual) : Tensor();
  if (s.is_lanes()) return forward_lanes(s, r, residual);
  return dispatch_floating(s, [&]<class T>() { return forward<T>(s, r, residual); });
}

RequantizationGradients requantize_gradient(const Tensor& sums, const Requantization& given, const GradientParts& dy) {
  check(sums, given);
  const Requantization r = contiguous(given);
  const Tensor s = settled(sums), residual = r.residual.defined() ? like(s, r.residual) : Tensor();
  RequantizationGradients d{{}, {}, {}, residual.defined() ? empty_like(residual) : Tensor(), {}};
  std::vector<ChannelSums> parts;
  if (s.is_lanes()) {
    const bool overwrite = dy.dy.is_sole_owner() && dy.dy.is_lanes() && dy.dy.geometry() == s.geometry();
    d.sums = overwrite ? dy.dy : empty_like(s);
    parts = backward_lanes(s, r, residual, {like(s, dy.dy), dy.more.defined() ? like(s, dy.more) : dy.more}, d);
  } else {
    const Tensor up = like(s, whole(dy));
    d.sums = empty_like(s);
    parts = dispatch_floating(s, [&]<class T>() { return backward<T>(s, r, residual, up, d); });
  }
  add_up(parts, s.shape()[1], s.dtype(), d);
  return d;
}

}  // namespace pith::ops
