#include "tensor/ops/batch_norm.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "tensor/kernels/table.h"
#include "tensor/ops/batch_norm_reference.h"
#include "tensor/ops/floating.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t kLanes = LaneGeometry::kLanes;
using Line = std::array<float, kLanes>;

void check_image(const Tensor& x) {
  check_floating("batch_norm", x);
  if (x.shape().rank() != 2 && x.shape().rank() != 4)
    throw ShapeError("batch_norm: wants [n, c, h, w] or [n, c], here is " + text(x.shape()));
}

/// `value` in the live lanes of block b, 0 in the dead ones.
Line line_of(const LaneGeometry& g, int64_t b, double value) {
  Line line{};
  std::fill(line.begin(), line.begin() + g.live(b), static_cast<float>(value));
  return line;
}

int64_t offset(const LaneGeometry& g, int64_t plane) { return g.line(plane / g.c, plane % g.c, 0, 0) * kLanes; }
LinesIn plane_in(const Tensor& t, int64_t i) {
  const LaneGeometry& g = t.geometry();
  return {t.data<float>() + offset(g, i), g.row};
}
LinesOut plane_out(Tensor& t, int64_t i) {
  const LaneGeometry& g = t.geometry();
  return {t.mutable_data<float>() + offset(g, i), g.row};
}

/// Calls f(plane) for every (block, channel), as many to a chunk as give it something to do.
template <class F>
void each_plane(const LaneGeometry& g, const F& f) {
  const int64_t grain = std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, g.h * g.w * kLanes));
  parallel_for(g.blocks * g.c, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

Moments lane_moments(const Tensor& x) {
  const LaneGeometry& g = x.geometry();
  std::vector<double> mean(static_cast<size_t>(g.blocks * g.c)), squares(mean.size());
  each_plane(g, [&](int64_t i) {
    const size_t s = static_cast<size_t>(i);
    kernels().line_moments(plane_in(x, i), g.h, g.w, g.live(i / g.c), &mean[s], &squares[s]);
  });
  Moments m{std::vector<double>(static_cast<size_t>(g.c)), std::vector<double>(static_cast<size_t>(g.c)),
            g.n * g.h * g.w};
  for (int64_t c = 0; c < g.c; ++c) {
    double count = 0, at = 0, sum = 0;  // joined block by block (Chan et al. 1979)
    for (int64_t b = 0; b < g.blocks; ++b) {
      const size_t i = static_cast<size_t>(b * g.c + c);
      const double here = static_cast<double>(g.live(b) * g.h * g.w), all = count + here, delta = mean[i] - at;
      sum += squares[i] + delta * delta * count * here / all;
      at += delta * here / all;
      count = all;
    }
    m.mean[static_cast<size_t>(c)] = at;
    m.variance[static_cast<size_t>(c)] = sum / count;
  }
  return m;
}

Tensor lane_normalize(const Tensor& x, const Normalization& norm, const Tensor& residual) {
  const LaneGeometry& g = x.geometry();
  Tensor y = x.is_tiles() ? Tensor::tiles(x.shape(), g.halo, g.grid) : Tensor::lanes(x.shape(), g.halo);
  each_plane(g, [&](int64_t i) {
    const size_t c = static_cast<size_t>(i % g.c);
    const Line shift = line_of(g, i / g.c, norm.shift[c]);
    LineNorm n;
    n.x = plane_in(x, i);
    if (residual.defined()) n.residual = plane_in(residual, i);
    n.y = plane_out(y, i);
    n.h = g.h;
    n.w = g.w;
    n.scale = static_cast<float>(norm.scale[c]);
    n.shift = shift.data();
    n.relu = norm.relu;
    kernels().line_norm(n);
  });
  if (y.is_tiles()) exchange_halo(y);
  return y;
}

/// dx = a g + b x + c for one channel, from sum g and sum g (x - mean), by the chain rule through mean and variance.
struct Coefficients {
  double a = 0, b = 0, c = 0;
};
Coefficients coefficients(double gamma, double inverse, double mean, double sum_g, double sum_gx, double count,
                          bool batch) {
  const double a = gamma * inverse;
  if (!batch) return {a, 0, 0};
  const double b = -a * inverse * inverse * sum_gx / count;
  return {a, b, -a * sum_g / count - b * mean};
}

/// What both passes of the way back share: the plane's inputs and where g's sign comes from.
struct LaneWayBack {
  const Tensor& x;
  Tensor y, dy, more;
  const Normalization& norm;
  LineNormGradient plane(int64_t i, const Line& shift, bool masked) const {
    const LaneGeometry& g = x.geometry();
    LineNormGradient n;
    n.x = plane_in(x, i);
    n.dy = plane_in(dy, i);
    if (y.defined()) n.y = plane_in(y, i);
    n.h = g.h;
    n.w = g.w;
    n.scale = static_cast<float>(norm.scale[static_cast<size_t>(i % g.c)]);
    n.mean = static_cast<float>(norm.mean[static_cast<size_t>(i % g.c)]);
    n.shift = shift.data();
    n.relu = masked;
    return n;
  }
};

/// t as lanes; `halo` where it was none.
Tensor in_lanes(const Tensor& t, int64_t halo) { return !t.defined() || t.is_lanes() ? t : to_lanes(t, halo); }

NormGradients lane_gradient(const Tensor& x, const Tensor& y, const GradientParts& parts, const Normalization& norm,
                            const Tensor& gamma, bool batch, bool wants_residual) {
  const LaneGeometry& g = x.geometry();
  const Tensor& dy = parts.dy;
  const bool overwrite = dy.is_sole_owner() && dy.is_lanes();
  LaneWayBack back{x, in_lanes(y, g.halo), in_lanes(dy, g.halo), in_lanes(parts.more, g.halo), norm};
  const bool stores_g = (wants_residual && norm.relu) || parts.more.defined();
  Tensor kept = !stores_g ? Tensor() : overwrite ? dy : Tensor::lanes(x.shape(), g.halo);
  std::vector<double> sum_g(static_cast<size_t>(g.blocks * g.c)), sum_gx(sum_g.size());
  each_plane(g, [&](int64_t i) {
    const Line shift = line_of(g, i / g.c, norm.shift[static_cast<size_t>(i % g.c)]);
    LineNormGradient n = back.plane(i, shift, norm.relu);
    if (stores_g) n.g = plane_out(kept, i);
    if (back.more.defined()) n.more = plane_in(back.more, i);
    kernels().line_norm_sums(n, &sum_g[static_cast<size_t>(i)], &sum_gx[static_cast<size_t>(i)]);
  });
  std::vector<double> channel_g(static_cast<size_t>(g.c)), channel_gx(channel_g.size());
  for (size_t i = 0; i < sum_g.size(); ++i) {
    channel_g[i % channel_g.size()] += sum_g[i];
    // the kernel measures from the float mean; put the rest back
    const double mean = norm.mean[i % channel_g.size()];
    channel_gx[i % channel_g.size()] += sum_gx[i] + sum_g[i] * (static_cast<double>(static_cast<float>(mean)) - mean);
  }
  const std::vector<double> weight = gamma.to_vector<double>();
  std::vector<Coefficients> k(channel_g.size());
  for (size_t c = 0; c < k.size(); ++c)
    k[c] = coefficients(weight[c], norm.inverse[c], norm.mean[c], channel_g[c], channel_gx[c],
                        static_cast<double>(g.n * g.h * g.w), batch);
  if (stores_g) back.dy = kept;
  NormGradients out;
  // dy's own bytes, or those of a stored g, become dx, unless they are the residual's gradient and must live on.
  const bool is_ours = !wants_residual && (stores_g || overwrite) && back.dy.geometry() == g;
  out.x = is_ours ? back.dy : Tensor::lanes(x.shape(), g.halo);
  each_plane(g, [&](int64_t i) {
    const size_t c = static_cast<size_t>(i % g.c);
    const Line shift = line_of(g, i / g.c, norm.shift[c]), constant = line_of(g, i / g.c, k[c].c);
    LineNormGradient n = back.plane(i, shift, norm.relu && !stores_g);
    n.dx = plane_out(out.x, i);
    n.a = static_cast<float>(k[c].a);
    n.b = static_cast<float>(k[c].b);
    n.c = constant.data();
    kernels().line_norm_gradient(n);
  });
  for (size_t c = 0; c < k.size(); ++c) channel_gx[c] *= norm.inverse[c];
  out.gamma = Tensor::from(channel_gx, {g.c}).to(x.dtype());
  out.beta = Tensor::from(channel_g, {g.c}).to(x.dtype());
  if (wants_residual) out.residual = stores_g ? kept : back.dy;
  return out;
}

}  // namespace

Moments batch_moments(const Tensor& x) {
  check_image(x);
  if (x.is_lanes()) return lane_moments(x);
  const Tensor in = x.contiguous();
  return dispatch_floating(x, [&]<class T>() { return reference::moments(in.data<T>(), x.shape()); });
}

Normalization make_normalization(const Moments& moments, const Tensor& gamma, const Tensor& beta, double epsilon,
                                 bool relu) {
  const size_t channels = moments.mean.size();
  for (const Tensor* const t : {&gamma, &beta})
    check_shape("batch_norm", "gamma and beta", *t, {static_cast<int64_t>(channels)});
  const std::vector<double> g = gamma.to_vector<double>(), b = beta.to_vector<double>();
  Normalization n{moments.mean, moments.variance, moments.mean, moments.mean, relu};
  for (size_t c = 0; c < channels; ++c) {
    n.inverse[c] = 1 / std::sqrt(moments.variance[c] + epsilon);
    n.scale[c] = g[c] * n.inverse[c];
    n.shift[c] = b[c] - n.mean[c] * n.scale[c];
  }
  return n;
}

Tensor normalize(const Tensor& x, const Normalization& norm, const Tensor& residual) {
  check_image(x);
  if (residual.defined()) {
    check_floating("batch_norm", x, residual);
    check_shape("batch_norm", "the residual", residual, x.shape());
  }
  if (x.is_tiles()) {
    const LaneGeometry& g = x.geometry();
    return lane_normalize(x, norm, residual.defined() ? to_tiles(residual, g.grid, g.halo) : residual);
  }
  if (x.is_lanes()) return lane_normalize(x, norm, residual.defined() ? in_order_of(x, residual) : residual);
  const Tensor in = x.contiguous(), add = residual.defined() ? to_plain(residual) : residual;
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  dispatch_floating(x, [&]<class T>() {
    reference::normalize(in.data<T>(), add.defined() ? add.data<T>() : nullptr, y.mutable_data<T>(), x.shape(), norm);
  });
  return y;
}

NormGradients normalize_gradient(const Tensor& x, const Tensor& y, const GradientParts& dy, const Normalization& norm,
                                 const Tensor& gamma, bool batch, bool wants_residual) {
  check_image(x);
  check_floating("batch_norm", x, dy.dy);
  check_shape("batch_norm", "dy", dy.dy, x.shape());
  if (dy.more.defined()) check_shape("batch_norm", "the rest of dy", dy.more, x.shape());
  if (x.is_lanes()) return lane_gradient(x, y, dy, norm, gamma, batch, wants_residual);
  const Tensor in = x.contiguous(), out = y.defined() ? to_plain(y) : y;
  const Tensor g = to_plain(whole(dy)), weight = gamma.contiguous();
  NormGradients r{Tensor::empty(x.shape(), x.dtype()), Tensor::empty(gamma.shape(), x.dtype()),
                  Tensor::empty(gamma.shape(), x.dtype()), Tensor::empty(x.shape(), x.dtype())};
  dispatch_floating(x, [&]<class T>() {
    reference::normalize_gradient(
        reference::WayBack<T>{in.data<T>(), out.defined() ? out.data<T>() : nullptr, g.data<T>(), weight.data<T>(),
                              r.x.mutable_data<T>(), r.gamma.mutable_data<T>(), r.beta.mutable_data<T>(),
                              r.residual.mutable_data<T>()},
        x.shape(), norm, batch);
  });
  if (!wants_residual) r.residual = Tensor();
  return r;
}

}  // namespace pith::ops
