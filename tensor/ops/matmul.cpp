#include "tensor/ops/matmul.h"

#include "tensor/error.h"
#include "tensor/ops/conv2d_reference.h"

namespace pith::ops {
namespace {

void check(const char* op, const Tensor& a, const Tensor& b, int a_axis, int b_axis) {
  if (a.dtype() != b.dtype() || (a.dtype() != DType::f32 && a.dtype() != DType::f64))
    throw TypeError(std::string(op) + ": wants f32 or f64 for both, here are " + text(a) + " and " + text(b));
  if (a.shape().rank() != 2 || b.shape().rank() != 2 || a.shape()[a_axis] != b.shape()[b_axis])
    throw ShapeError(std::string(op) + ": shapes " + text(a.shape()) + " and " + text(b.shape()) +
                     " do not multiply: axis " + std::to_string(a_axis) + " of the first must equal axis " +
                     std::to_string(b_axis) + " of the second");
}

struct Strides {
  int64_t row, column;
};

Tensor product(const Tensor& a, Strides as, const Tensor& b, Strides bs, int64_t m, int64_t k, int64_t n) {
  Tensor c = Tensor::zeros({m, n}, a.dtype());
  if (a.dtype() == DType::f32) {
    reference::matmul(a.data<float>(), as.row, as.column, b.data<float>(), bs.row, bs.column, c.mutable_data<float>(),
                      m, k, n);
  } else {
    reference::matmul(a.data<double>(), as.row, as.column, b.data<double>(), bs.row, bs.column,
                      c.mutable_data<double>(), m, k, n);
  }
  return c;
}

template <class T>
void add_row(Tensor& y, const Tensor& bias) {
  T* const p = y.mutable_data<T>();
  const Tensor plain = to_plain(bias);
  const T* const b = plain.data<T>();
  for (int64_t i = 0; i < y.numel(); ++i) p[i] += b[i % y.shape()[1]];
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  check("matmul", a, b, 1, 0);
  const int64_t m = a.shape()[0], k = a.shape()[1], n = b.shape()[1];
  return product(to_plain(a), {k, 1}, to_plain(b), {n, 1}, m, k, n);
}

Tensor matmul_nt(const Tensor& a, const Tensor& b) {
  check("matmul_nt", a, b, 1, 1);
  const int64_t m = a.shape()[0], k = a.shape()[1], n = b.shape()[0];
  return product(to_plain(a), {k, 1}, to_plain(b), {1, k}, m, k, n);
}

Tensor matmul_tn(const Tensor& a, const Tensor& b) {
  check("matmul_tn", a, b, 0, 0);
  const int64_t m = a.shape()[1], k = a.shape()[0], n = b.shape()[1];
  return product(to_plain(a), {1, m}, to_plain(b), {n, 1}, m, k, n);
}

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias) {
  check("linear", x, w, 1, 1);
  if (bias.defined() && (!(bias.shape() == Shape{w.shape()[0]}) || bias.dtype() != w.dtype()))
    throw ShapeError("linear: bias " + text(bias) + " does not fit weight " + text(w));
  Tensor y = matmul_nt(x, w);
  if (bias.defined()) x.dtype() == DType::f32 ? add_row<float>(y, bias) : add_row<double>(y, bias);
  return x.is_lanes() ? to_lanes(y, 0) : y;
}

Tensor linear_input_gradient(const Tensor& dy, const Tensor& w) {
  check("linear_input_gradient", dy, w, 1, 0);
  const Tensor dx = matmul(dy, w);
  return dy.is_lanes() ? to_lanes(dx, 0) : dx;
}

Tensor linear_weight_gradient(const Tensor& x, const Tensor& dy) {
  check("linear_weight_gradient", x, dy, 0, 0);
  return matmul_tn(dy, x);
}

}  // namespace pith::ops
