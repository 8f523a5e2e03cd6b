#include "tensor/ops/conv2d.h"

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/conv2d_lanes.h"
#include "tensor/ops/conv2d_reference.h"

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

/// Calls f.operator()<T>() with float or double.
template <class F>
Tensor dispatch(DType dtype, const F& f) {
  return dtype == DType::f32 ? f.template operator()<float>() : f.template operator()<double>();
}

Tensor plain_or_none(const Tensor& t) { return t.defined() ? to_plain(t) : t; }

template <class T>
void apply_epilogue(Tensor& y, const ConvEpilogue& e) {
  const int64_t k = y.shape()[1], pixels = y.shape()[2] * y.shape()[3];
  const Tensor bias = plain_or_none(e.bias), scale = plain_or_none(e.scale), residual = plain_or_none(e.residual);
  T* const p = y.mutable_data<T>();
  for (int64_t i = 0; i < y.numel(); ++i) {
    T v = p[i];
    if (scale.defined()) v *= scale.data<T>()[i / pixels % k];
    if (bias.defined()) v += bias.data<T>()[i / pixels % k];
    if (residual.defined()) v += residual.data<T>()[i];
    p[i] = e.relu && !(v > 0) ? T{0} : v;
  }
}

void check_gradient(const char* op, const Tensor& dy, const Shape& y) {
  if (!(dy.shape() == y))
    throw ShapeError(std::string(op) + ": gradient " + text(dy) + " does not fit a result of " + text(y));
}

ConvEpilogue plain_epilogue(const ConvEpilogue& e) {
  return {plain_or_none(e.bias), plain_or_none(e.scale), e.residual, e.relu};
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& w, const Window& window, const ConvEpilogue& epilogue,
              const KernelTable& table) {
  check_types("conv2d", x, w);
  const Shape shape = conv2d_shape(x.shape(), w.shape(), window);
  check_epilogue(epilogue, shape, x.dtype());
  if (x.is_lanes()) return lane_conv::forward(table, x, to_plain(w), window, plain_epilogue(epilogue));
  const Tensor px = to_plain(x), pw = to_plain(w);
  return dispatch(x.dtype(), [&]<class T>() {
    Tensor out = Tensor::zeros(shape, x.dtype());
    reference::conv2d(px.data<T>(), pw.data<T>(), out.mutable_data<T>(), x.shape(), w.shape(), shape, window);
    apply_epilogue<T>(out, epilogue);
    return out;
  });
}

Tensor conv2d_input_gradient(const Tensor& dy, const Tensor& w, const Shape& x, const Window& window,
                             const KernelTable& table) {
  check_types("conv2d_input_gradient", dy, w);
  const Shape shape = conv2d_shape(x, w.shape(), window);
  check_gradient("conv2d_input_gradient", dy, shape);
  if (dy.dtype() == DType::f32)
    return lane_conv::input_gradient(table, dy.is_lanes() ? dy : to_lanes(dy, 1), to_plain(w), x, window);
  const Tensor pd = to_plain(dy), pw = to_plain(w);
  Tensor dx = Tensor::zeros(x, DType::f64);
  reference::conv2d_input_gradient(pd.data<double>(), pw.data<double>(), dx.mutable_data<double>(), x, w.shape(), shape,
                                   window);
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
  const Tensor px = to_plain(x), pd = to_plain(dy);
  Tensor dw = Tensor::zeros(w, DType::f64);
  reference::conv2d_weight_gradient(px.data<double>(), pd.data<double>(), dw.mutable_data<double>(), x.shape(), w,
                                    shape, window);
  return dw;
}

Tensor channel_sum(const Tensor& dy) {
  if (dy.shape().rank() < 2) throw ShapeError("channel_sum: wants [n, k, ...], here is " + text(dy));
  const Tensor plain = to_plain(dy);
  const int64_t k = dy.shape()[1], pixels = k == 0 || dy.shape()[0] == 0 ? 0 : dy.numel() / (dy.shape()[0] * k);
  return dispatch(dy.dtype(), [&]<class T>() {
    Tensor out = Tensor::zeros({k}, dy.dtype());
    const T* in = plain.data<T>();
    T* const sums = out.mutable_data<T>();
    for (int64_t i = 0; i < dy.shape()[0] * k; ++i)
      for (int64_t p = 0; p < pixels; ++p) sums[i % k] += in[i * pixels + p];
    return out;
  });
}

int64_t conv2d_halo(const Shape& x, const Shape& w, const Window& window) {
  const Shape y = conv2d_shape(x, w, window);
  int64_t halo = x[2] * x[3] == 1 ? 0 : 1;
  for (int axis : {0, 1}) {
    const size_t a = static_cast<size_t>(axis);
    const int64_t last =
        (y[axis + 2] - 1) * window.stride[a] + (w[axis + 2] - 1) * window.dilation[a] - window.padding[a];
    for (int64_t reach : {window.padding[a], last - (x[axis + 2] - 1)}) halo = reach > halo ? reach : halo;
  }
  return halo;
}

}  // namespace pith::ops
