#include "tensor/ops/matmul.h"

#include <algorithm>
#include <vector>

#include "tensor/error.h"
#include "tensor/ops/conv2d_reference.h"
#include "tensor/ops/gemm.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t L = LaneGeometry::kLanes;

void check(const char* op, const Tensor& a, const Tensor& b, int a_axis, int b_axis) {
  if (a.dtype() != b.dtype() || (a.dtype() != DType::f32 && a.dtype() != DType::f64))
    throw TypeError(std::string(op) + ": wants f32 or f64 for both, here are " + text(a) + " and " + text(b));
  if (a.shape().rank() != 2 || b.shape().rank() != 2 || a.shape()[a_axis] != b.shape()[b_axis])
    throw ShapeError(std::string(op) + ": shapes " + text(a.shape()) + " and " + text(b.shape()) +
                     " do not multiply: axis " + std::to_string(a_axis) + " of the first must equal axis " +
                     std::to_string(b_axis) + " of the second");
}

/// a, transposed if asked for, times b likewise.
Tensor product(const KernelTable& table, const Tensor& a, bool at, const Tensor& b, bool bt) {
  const Tensor pa = to_plain(a), pb = to_plain(b);
  const int64_t m = a.shape()[at ? 1 : 0], k = a.shape()[at ? 0 : 1], n = b.shape()[bt ? 0 : 1];
  const int64_t a_row = at ? 1 : k, a_column = at ? m : 1, b_row = bt ? 1 : n, b_column = bt ? k : 1;
  if (a.dtype() == DType::f32) {
    Tensor c = Tensor::empty({m, n});
    gemm(table, {pa.data<float>(), a_row, a_column}, {pb.data<float>(), b_row, b_column}, c.mutable_data<float>(), m, k,
         n);
    return c;
  }
  Tensor c = Tensor::zeros({m, n}, DType::f64);
  reference::matmul(pa.data<double>(), a_row, a_column, pb.data<double>(), b_row, b_column, c.mutable_data<double>(), m,
                    k, n);
  return c;
}

template <class T>
void add_row(Tensor& y, const Tensor& bias) {
  T* const p = y.mutable_data<T>();
  const Tensor plain = to_plain(bias);
  const T* const b = plain.data<T>();
  const int64_t n = y.shape()[1];
  for (int64_t i = 0; i < y.shape()[0]; ++i)
    for (int64_t j = 0; j < n; ++j) p[i * n + j] += b[j];
}

/// Weights over features in lane order: element (output, input) of them is w[output * row + input * column].
struct LaneWeights {
  const float* w;
  int64_t row, column;
};

/// y [n, outputs] = x [n, inputs] w^T + bias over lines: the convolution kernel, with blocks of images as its pixels.
Tensor lane_product(const KernelTable& table, const Tensor& x, const LaneWeights& weights, int64_t outputs,
                    const float* bias) {
  Tensor y = Tensor::lanes({x.shape()[0], outputs}, 0);
  const LaneGeometry &from = x.geometry(), &to = y.geometry();
  std::vector<int32_t> taps(static_cast<size_t>(from.c));
  for (size_t i = 0; i < taps.size(); ++i) taps[i] = static_cast<int32_t>(static_cast<int64_t>(i) * from.plane);
  const float* const in = x.data<float>();
  float* const out = y.mutable_data<float>();
  constexpr int64_t kProducts = 1 << 21, kChannels = 4;
  const int64_t each = from.c * from.blocks * L * kChannels;
  const int64_t grain = kChannels * std::max<int64_t>(1, kProducts / std::max<int64_t>(each, 1));
  parallel_for(outputs, grain, [&](int64_t k, int64_t end) {
    table.conv_lines({.x = in,
                      .taps = taps.data(),
                      .w = weights.w + k * weights.row,
                      .y = out + to.line(0, k, 0, 0) * L,
                      .depth = from.c,
                      .channels = end - k,
                      .outputs = from.blocks,
                      .x_step = from.block,
                      .y_step = to.block,
                      .y_plane = to.plane,
                      .w_step = weights.row,
                      .w_tap = weights.column,
                      .bias = bias ? bias + k : nullptr});
  });
  if (bias) clear_dead_lanes(y);
  return y;
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, const KernelTable& table) {
  check("matmul", a, b, 1, 0);
  return product(table, a, false, b, false);
}

Tensor matmul_nt(const Tensor& a, const Tensor& b, const KernelTable& table) {
  check("matmul_nt", a, b, 1, 1);
  return product(table, a, false, b, true);
}

Tensor matmul_tn(const Tensor& a, const Tensor& b, const KernelTable& table) {
  check("matmul_tn", a, b, 0, 0);
  return product(table, a, true, b, false);
}

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias, const KernelTable& table) {
  check("linear", x, w, 1, 1);
  if (bias.defined() && (!(bias.shape() == Shape{w.shape()[0]}) || bias.dtype() != w.dtype()))
    throw ShapeError("linear: bias " + text(bias) + " does not fit weight " + text(w));
  if (x.is_lanes()) {
    const Tensor plain = to_plain(w), b = bias.defined() ? to_plain(bias) : bias;
    return lane_product(table, x, {plain.data<float>(), w.shape()[1], 1}, w.shape()[0],
                        b.defined() ? b.data<float>() : nullptr);
  }
  Tensor y = product(table, x, false, w, true);
  if (bias.defined()) x.dtype() == DType::f32 ? add_row<float>(y, bias) : add_row<double>(y, bias);
  return y;
}

Tensor linear_input_gradient(const Tensor& dy, const Tensor& w, const KernelTable& table) {
  check("linear_input_gradient", dy, w, 1, 0);
  if (!dy.is_lanes()) return product(table, dy, false, w, false);
  const Tensor plain = to_plain(w);
  return lane_product(table, dy, {plain.data<float>(), 1, w.shape()[1]}, w.shape()[1], nullptr);
}

Tensor linear_weight_gradient(const Tensor& x, const Tensor& dy, const KernelTable& table) {
  check("linear_weight_gradient", x, dy, 0, 0);
  return product(table, dy, true, x, false);
}

}  // namespace pith::ops
