#include "tensor/ops/requantize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/error.h"
#include "tensor/ops/floating.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

/// Half to even, for |v| < 2^22: adding 1.5 * 2^23 leaves no bit for a fraction. A loop of it is vector code, where
/// nearbyint() is a call.
inline float nearest(float v) {
  constexpr float kShift = 12582912.0f;
  return (v + kShift) - kShift;
}
inline double nearest(double v) { return std::nearbyint(v); }

/// A tensor as rows of neighbouring elements of one channel: `outer` blocks or images, `rows` rows each.
struct RowGeometry {
  int64_t outer, channels, rows, length;
  LaneGeometry lanes;
  bool is_lanes;

  explicit RowGeometry(const Tensor& t) : lanes(t.is_lanes() ? t.geometry() : LaneGeometry{}), is_lanes(t.is_lanes()) {
    const Shape& s = t.shape();
    channels = s[1];
    outer = is_lanes ? lanes.blocks : s[0];
    rows = is_lanes ? lanes.h : 1;
    length = is_lanes ? lanes.w * LaneGeometry::kLanes : s.rank() == 4 ? s[2] * s[3] : 1;
  }
  int64_t at(int64_t o, int64_t k, int64_t row) const {
    return is_lanes ? lanes.line(o, k, row, 0) * LaneGeometry::kLanes : (o * channels + k) * length;
  }
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

template <class T>
void forward_row(const Channel<T>& c, bool rounds, const T* s, const T* r, T* y, int64_t length) {
  for (int64_t i = 0; i < length; ++i) {
    T v = (s[i] + c.bias) * c.scale;
    if (r != nullptr) v = v + r[i] * c.residual_scale;
    y[i] = std::min(std::max(v, c.low), c.high);
  }
  if (rounds)
    for (int64_t i = 0; i < length; ++i) y[i] = nearest(y[i]);
}

template <class T>
Tensor forward(const Tensor& sums, const Requantization& r, const Tensor& residual) {
  Tensor y = empty_like(sums);
  const RowGeometry g(sums);
  const RowGeometry rg(residual.defined() ? residual : sums);
  const T* const s = sums.data<T>();
  const T* const e = residual.defined() ? residual.data<T>() : nullptr;
  T* const out = y.mutable_data<T>();
  parallel_for(g.outer * g.channels, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t o = i / g.channels, k = i % g.channels;
      const Channel<T> c(r, k);
      for (int64_t row = 0; row < g.rows; ++row)
        forward_row(c, r.rounds, s + g.at(o, k, row), e ? e + rg.at(o, k, row) : nullptr, out + g.at(o, k, row),
                    g.length);
    }
  });
  if (y.is_lanes()) clear_dead_lanes(y);
  return y;
}

struct ChannelSums {
  double bias = 0, scale = 0, residual_scale = 0;
};

/// One row; sums of short stretches are float, of rows double.
template <class T>
void backward_row(const Channel<T>& c, const T* s, const T* r, const T* dy, T* ds, T* dr, int64_t length,
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
RequantizationGradients backward(const Tensor& sums, const Requantization& r, const Tensor& residual,
                                 const Tensor& dy) {
  RequantizationGradients d{empty_like(sums), {}, {}, residual.defined() ? empty_like(residual) : Tensor(), {}};
  const RowGeometry g(sums), yg(dy);
  const RowGeometry rg(residual.defined() ? residual : sums);
  const T *const s = sums.data<T>(), *const up = dy.data<T>();
  const T* const e = residual.defined() ? residual.data<T>() : nullptr;
  T* const ds = d.sums.mutable_data<T>();
  T* const dr = residual.defined() ? d.residual.mutable_data<T>() : nullptr;
  std::vector<ChannelSums> parts(static_cast<size_t>(g.outer * g.channels));
  parallel_for(g.outer * g.channels, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t o = i / g.channels, k = i % g.channels;
      const Channel<T> c(r, k);
      for (int64_t row = 0; row < g.rows; ++row)
        backward_row(c, s + g.at(o, k, row), e ? e + rg.at(o, k, row) : nullptr, up + yg.at(o, k, row),
                     ds + g.at(o, k, row), dr ? dr + rg.at(o, k, row) : nullptr, g.length,
                     parts[static_cast<size_t>(i)]);
    }
  });
  std::vector<double> bias(static_cast<size_t>(g.channels)), scale(bias);
  double rest = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const size_t k = i % static_cast<size_t>(g.channels);
    bias[k] += parts[i].bias, scale[k] += parts[i].scale, rest += parts[i].residual_scale;
  }
  d.bias = Tensor::from(bias, Shape{g.channels}).to(sums.dtype());
  d.scale = Tensor::from(scale, Shape{g.channels}).to(sums.dtype());
  d.residual_scale = Tensor::full({1}, rest, sums.dtype());
  return d;
}

void check_levels(const Tensor& w, const Tensor& step) {
  check_floating("weight_levels", w, step);
  if (w.shape().rank() < 1) throw ShapeError("weight_levels: wants [k, ...], here is " + text(w));
  check_shape("weight_levels", "step", step, {w.shape()[0]});
}

}  // namespace

Tensor requantize(const Tensor& sums, const Requantization& given) {
  check(sums, given);
  const Requantization r = contiguous(given);
  const Tensor s = settled(sums), residual = r.residual.defined() ? like(s, r.residual) : Tensor();
  return dispatch_floating(s, [&]<class T>() { return forward<T>(s, r, residual); });
}

RequantizationGradients requantize_gradient(const Tensor& sums, const Requantization& given, const Tensor& dy) {
  check(sums, given);
  const Requantization r = contiguous(given);
  const Tensor s = settled(sums), residual = r.residual.defined() ? like(s, r.residual) : Tensor();
  const Tensor up = like(s, dy);
  return dispatch_floating(s, [&]<class T>() { return backward<T>(s, r, residual, up); });
}

Tensor weight_levels(const Tensor& w, const Tensor& step, const WeightLevels& l) {
  check_levels(w, step);
  const Tensor in = w.contiguous(), steps = step.contiguous();
  return dispatch_floating(in, [&]<class T>() {
    Tensor q = Tensor::empty(in.shape(), in.dtype());
    const int64_t rows = in.shape()[0], each = rows == 0 ? 0 : in.numel() / rows;
    for (int64_t i = 0; i < in.numel(); ++i) {
      const T v = in.data<T>()[i];
      const T x = std::clamp(v / steps.data<T>()[i / each], static_cast<T>(l.lowest), static_cast<T>(l.highest));
      q.mutable_data<T>()[i] = l.is_binary ? (v >= 0 ? T{1} : T{-1}) : l.rounds ? nearest(x) : x;
    }
    return q;
  });
}

WeightLevelGradients weight_levels_gradient(const Tensor& w, const Tensor& step, const WeightLevels& l,
                                            const Tensor& dq) {
  check_levels(w, step);
  const Tensor in = w.contiguous(), up = to_plain(dq).contiguous(), each_step = step.contiguous();
  return dispatch_floating(in, [&]<class T>() {
    WeightLevelGradients d{Tensor::empty(in.shape(), in.dtype()), {}};
    const int64_t rows = in.shape()[0], each = rows == 0 ? 0 : in.numel() / rows;
    std::vector<double> steps(static_cast<size_t>(rows));
    for (int64_t i = 0; i < in.numel(); ++i) {
      const T s = each_step.data<T>()[i / each], x = in.data<T>()[i] / s, g = up.data<T>()[i];
      const bool inside =
          l.is_binary ? std::abs(x) <= 1 : x >= static_cast<T>(l.lowest) && x <= static_cast<T>(l.highest);
      d.w.mutable_data<T>()[i] = inside ? g / s : T{0};
      if (inside && !l.is_binary) steps[static_cast<size_t>(i / each)] -= static_cast<double>(g * x / s);
    }
    d.step = Tensor::from(steps, Shape{rows}).to(in.dtype());
    return d;
  });
}

}  // namespace pith::ops
