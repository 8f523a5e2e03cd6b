#include "tensor/ops/conv2d.h"

#include <algorithm>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/conv2d_lanes.h"
#include "tensor/ops/conv2d_plain.h"
#include "tensor/ops/conv2d_reference.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

void check_types(const char* op, const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || (a.dtype() != DType::f32 && a.dtype() != DType::f64))
    throw TypeError(std::string(op) + ": wants f32 or f64 for both, here are " + text(a) + " and " + text(b));
}

void check_per_channel(const char* what, const Tensor& t, const Shape& y, DType dtype) {
  if (t.defined() && (!(t.shape() == Shape{y[1]}) || t.dtype() != dtype))
    throw ShapeError("conv2d: " + std::string(what) + " " + text(t) + " does not fit a result of " + text(y));
}

void check_epilogue(const ConvEpilogue& e, const Shape& y, DType dtype) {
  check_per_channel("bias", e.bias, y, dtype);
  check_per_channel("scale", e.scale, y, dtype);
  if (e.residual.defined() && (!(e.residual.shape() == y) || e.residual.dtype() != dtype))
    throw ShapeError("conv2d: residual " + text(e.residual) + " does not fit a result of " + text(y));
}

void check_gradient(const char* op, const Tensor& dy, const Shape& y) {
  if (!(dy.shape() == y))
    throw ShapeError(std::string(op) + ": gradient " + text(dy) + " does not fit a result of " + text(y));
}

Tensor plain_or_none(const Tensor& t) { return t.defined() ? to_plain(t) : t; }

ConvEpilogue plain_epilogue(const ConvEpilogue& e) {
  return {plain_or_none(e.bias), plain_or_none(e.scale), e.residual, e.relu, e.packed};
}

/// The epilogue's slow twin, for f64.
void apply_epilogue(Tensor& y, const ConvEpilogue& e) {
  const int64_t k = y.shape()[1], pixels = y.shape()[2] * y.shape()[3];
  const Tensor residual = plain_or_none(e.residual);
  double* const p = y.mutable_data<double>();
  for (int64_t i = 0; i < y.numel(); ++i) {
    if (e.scale.defined()) p[i] *= e.scale.data<double>()[i / pixels % k];
    if (e.bias.defined()) p[i] += e.bias.data<double>()[i / pixels % k];
    if (residual.defined()) p[i] += residual.data<double>()[i];
    if (e.relu && p[i] < 0) p[i] = 0;
  }
}

/// Sum of every channel of a plain [n, k, pixels].
template <class T>
Tensor plain_channel_sum(const Tensor& dy, int64_t n, int64_t k, int64_t pixels) {
  Tensor out = Tensor::zeros({k}, dy.dtype());
  const T* in = dy.data<T>();
  T* const sums = out.mutable_data<T>();
  for (int64_t i = 0; i < n; ++i)
    for (int64_t c = 0; c < k; ++c)
      for (int64_t p = 0; p < pixels; ++p) sums[c] += *in++;
  return out;
}

/// The same over lines. Border and dead lanes are zero, so whole planes are summed, 16 lanes side by side.
Tensor lane_channel_sum(const Tensor& dy) {
  const LaneGeometry& g = dy.geometry();
  Tensor out = Tensor::empty({g.c});
  float* const sums = out.mutable_data<float>();
  parallel_for(g.c, std::max<int64_t>(1, (1 << 12) / std::max<int64_t>(1, g.plane * g.blocks)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t c = begin; c < end; ++c) {
                   float lanes[LaneGeometry::kLanes] = {}, sum = 0;
                   for (int64_t b = 0; b < g.blocks; ++b) {
                     const float* line = dy.data<float>() + (b * g.block + c * g.plane) * LaneGeometry::kLanes;
                     for (int64_t p = 0; p < g.plane; ++p, line += LaneGeometry::kLanes)
                       for (int64_t l = 0; l < LaneGeometry::kLanes; ++l) lanes[l] += line[l];
                   }
                   for (float lane : lanes) sum += lane;
                   sums[c] = sum;
                 }
               });
  return out;
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& w, const Window& window, const ConvEpilogue& epilogue,
              const KernelTable& table) {
  check_types("conv2d", x, w);
  const Shape shape = conv2d_shape(x.shape(), w.shape(), window);
  check_epilogue(epilogue, shape, x.dtype());
  const Tensor weight = to_plain(w);
  const ConvEpilogue plain = plain_epilogue(epilogue);
  if (x.is_lanes() || (x.is_tiles() && tiles_fit(x, w.shape(), window)))
    return lane_conv::forward(table, x, weight, window, plain);
  const Tensor input = x.contiguous();
  if (x.dtype() == DType::f32) return plain_conv::forward(table, input, weight, window, plain);
  Tensor y = Tensor::zeros(shape, DType::f64);
  reference::conv2d(input.data<double>(), weight.data<double>(), y.mutable_data<double>(), x.shape(), w.shape(), shape,
                    window);
  apply_epilogue(y, plain);
  return y;
}

Tensor pack_conv2d_weights(const Tensor& w, int64_t groups, const KernelTable& table) {
  if (w.dtype() != DType::f32) throw TypeError("pack_conv2d_weights: wants f32, here is " + text(w));
  if (w.shape().rank() != 4 || groups < 1 || w.shape()[0] % groups != 0)
    throw ShapeError("pack_conv2d_weights: " + std::to_string(groups) + " groups of " + text(w));
  return lane_conv::pack_weights(table, to_plain(w), groups);
}

MeasuredConv conv2d_measured(const Tensor& x, const Tensor& w, const Window& window, const Tensor& pivot,
                             const KernelTable& table) {
  check_types("conv2d", x, w);
  const Shape shape = conv2d_shape(x.shape(), w.shape(), window);
  check_per_channel("pivot", pivot, shape, x.dtype());
  if (x.is_lanes()) return lane_conv::forward_measured(table, x, to_plain(w), window, to_plain(pivot));
  Tensor y = conv2d(x, w, window, {}, table);
  Moments moments = batch_moments(y);
  return {std::move(y), std::move(moments)};
}

bool tiles_fit(const Tensor& x, const Shape& w, const Window& window) {
  return x.dtype() == DType::f32 && tiles_fit(x.shape(), x.geometry().grid, w, window);
}

bool tiles_fit(const Shape& x, TileGrid grid, const Shape& w, const Window& window) {
  if (grid == TileGrid{} || x[2] % grid.rows != 0 || x[3] % grid.columns != 0) return false;
  const Shape y = conv2d_shape(x, w, window);
  const int64_t rows = x[2] / grid.rows, columns = x[3] / grid.columns, smallest = std::min(rows, columns);
  for (int axis : {0, 1}) {
    const size_t a = static_cast<size_t>(axis);
    const int64_t stride = window.stride[a], last = (w[axis + 2] - 1) * window.dilation[a] - window.padding[a];
    if ((axis == 0 ? rows : columns) % stride != 0 || y[axis + 2] * stride != x[axis + 2]) return false;
    if (std::max(window.padding[a], last - stride + 1) > smallest) return false;
  }
  return std::min(rows / window.stride[0], columns / window.stride[1]) >= 1;
}

Tensor conv2d_input_gradient(const Tensor& dy, const Tensor& w, const Shape& x, const Window& window,
                             const KernelTable& table) {
  check_types("conv2d_input_gradient", dy, w);
  const Shape shape = conv2d_shape(x, w.shape(), window);
  check_gradient("conv2d_input_gradient", dy, shape);
  const Tensor weight = to_plain(w);
  if (dy.dtype() == DType::f32)
    return lane_conv::input_gradient(table, dy.is_lanes() ? dy : to_lanes(dy, 1), weight, x, window);
  const Tensor gradient = to_plain(dy);
  Tensor dx = Tensor::zeros(x, DType::f64);
  reference::conv2d_input_gradient(gradient.data<double>(), weight.data<double>(), dx.mutable_data<double>(), x,
                                   w.shape(), shape, window);
  return dx;
}

Tensor conv2d_weight_gradient(const Tensor& x, const Tensor& dy, const Shape& w, const Window& window,
                              const KernelTable& table) {
  check_types("conv2d_weight_gradient", x, dy);
  const Shape shape = conv2d_shape(x.shape(), w, window);
  check_gradient("conv2d_weight_gradient", dy, shape);
  if (dy.dtype() == DType::f32)
    return lane_conv::weight_gradient(table, x.is_lanes() ? x : to_lanes(x, conv2d_halo(x.shape(), w, window)),
                                      dy.is_lanes() ? dy : to_lanes(dy, 0), w, window);
  const Tensor input = to_plain(x), gradient = to_plain(dy);
  Tensor dw = Tensor::zeros(w, DType::f64);
  reference::conv2d_weight_gradient(input.data<double>(), gradient.data<double>(), dw.mutable_data<double>(), x.shape(),
                                    w, shape, window);
  return dw;
}

Tensor channel_sum(const Tensor& dy) {
  if (dy.shape().rank() < 2) throw ShapeError("channel_sum: wants [n, k, ...], here is " + text(dy));
  if (dy.is_lanes()) return lane_channel_sum(dy);
  const int64_t n = dy.shape()[0], k = dy.shape()[1], pixels = dy.numel() / std::max<int64_t>(1, n * k);
  const Tensor plain = dy.contiguous();
  if (dy.dtype() == DType::f32) return plain_channel_sum<float>(plain, n, k, pixels);
  return plain_channel_sum<double>(plain, n, k, pixels);
}

int64_t conv2d_halo(const Shape& x, const Shape& w, const Window& window) {
  const Shape y = conv2d_shape(x, w, window);
  int64_t halo = x[2] * x[3] == 1 ? 0 : 1;
  for (int axis : {0, 1}) {
    const size_t a = static_cast<size_t>(axis);
    const int64_t last =
        (y[axis + 2] - 1) * window.stride[a] + (w[axis + 2] - 1) * window.dilation[a] - window.padding[a];
    halo = std::max({halo, window.padding[a], last - (x[axis + 2] - 1)});
  }
  return halo;
}

}  // namespace pith::ops
