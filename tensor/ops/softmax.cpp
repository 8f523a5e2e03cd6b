#include "tensor/ops/softmax.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "tensor/kernels/table.h"
#include "tensor/ops/floating.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

/// Row kernels: vectors for float, the standard library for double.
template <class T>
struct Row {
  const T* x;
  int64_t count;

  double largest() const {
    if constexpr (std::is_same_v<T, float>) return static_cast<double>(kernels().largest(x, count));
    double best = x[0];
    for (int64_t i = 1; i < count; ++i)
      if (x[i] > best || std::isnan(x[i])) best = x[i];
    return best;
  }
  double sum() const {
    if constexpr (std::is_same_v<T, float>) return kernels().sum(x, count);
    double total = 0;
    for (int64_t i = 0; i < count; ++i) total += x[i];
    return total;
  }
  double sum_exp(double shift) const {
    if constexpr (std::is_same_v<T, float>) return kernels().sum_exp(x, static_cast<float>(shift), count);
    double total = 0;
    for (int64_t i = 0; i < count; ++i) total += std::exp(x[i] - shift);
    return total;
  }
  /// log sum e^x.
  double norm() const {
    const double top = largest();
    return std::isinf(top) ? top : top + std::log(sum_exp(top));
  }
  void exp_shifted(double shift, double scale, T* y) const {
    if constexpr (std::is_same_v<T, float>)
      return kernels().exp_shifted(x, static_cast<float>(shift), static_cast<float>(scale), y, count);
    for (int64_t i = 0; i < count; ++i) y[i] = static_cast<T>(scale * std::exp(static_cast<double>(x[i]) - shift));
  }
};

int64_t last_extent(const Tensor& x, const char* op) {
  check_floating(op, x);
  if (x.shape().rank() < 1 || x.shape()[-1] < 1)
    throw ShapeError(std::string(op) + ": needs at least one class along the last axis, here is " + text(x));
  return x.shape()[-1];
}

/// Calls f(row) for every row of `classes` elements, several to a chunk.
template <class F>
void each_row(int64_t rows, int64_t classes, const F& f) {
  parallel_for(rows, std::max<int64_t>(1, 4096 / classes), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) f(r);
  });
}

/// f(x row, y row, classes) for every row of x, into a new tensor.
template <class T, class F>
Tensor map_rows(const Tensor& x, int64_t classes, const F& f) {
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  const T* const px = x.data<T>();
  T* const py = y.mutable_data<T>();
  each_row(x.numel() / classes, classes, [&](int64_t r) { f(px + r * classes, py + r * classes, r); });
  return y;
}

void check_labels(const char* op, const Shape& x, const Tensor& labels) {
  if (x.rank() != 2) throw ShapeError(std::string(op) + ": wants [n, classes], here is " + text(x));
  if (labels.dtype() != DType::s32) throw TypeError(std::string(op) + ": labels must be s32, they are " + text(labels));
  if (!(labels.shape() == Shape{x[0]}))
    throw ShapeError(std::string(op) + ": labels " + text(labels.shape()) + " do not fit the rows of " + text(x));
  if (x[0] < 1) throw ShapeError(std::string(op) + ": a mean needs at least one row, here is " + text(x));
  const int32_t* const p = labels.data<int32_t>();
  for (int64_t i = 0; i < x[0]; ++i)
    if (p[i] < 0 || p[i] >= x[1])
      throw FormatError(std::string(op) + ": label " + std::to_string(p[i]) + " at index " + std::to_string(i) +
                        " is outside [0, " + std::to_string(x[1]) + ")");
}

double sum_in_order(const std::vector<double>& values) {
  double total = 0;
  for (double v : values) total += v;
  return total;
}

}  // namespace

Tensor softmax(const Tensor& x) {
  const int64_t classes = last_extent(x, "softmax");
  const Tensor in = to_plain(x);
  return dispatch_floating(x, [&]<class T>() {
    return map_rows<T>(in, classes, [&](const T* row, T* y, int64_t) {
      const Row<T> r{row, classes};
      const double top = r.largest();
      r.exp_shifted(top, 1 / r.sum_exp(top), y);
    });
  });
}

Tensor log_softmax(const Tensor& x) {
  const int64_t classes = last_extent(x, "log_softmax");
  const Tensor in = to_plain(x);
  return dispatch_floating(x, [&]<class T>() {
    return map_rows<T>(in, classes, [&](const T* row, T* y, int64_t) {
      const double norm = Row<T>{row, classes}.norm();
      for (int64_t i = 0; i < classes; ++i) y[i] = static_cast<T>(static_cast<double>(row[i]) - norm);
    });
  });
}

Tensor softmax_gradient(const Tensor& y, const Tensor& dy) {
  const int64_t classes = last_extent(y, "softmax");
  const Tensor g = to_plain(dy);
  return dispatch_floating(y, [&]<class T>() {
    return map_rows<T>(y, classes, [&](const T* row, T* dx, int64_t r) {
      const T* const d = g.data<T>() + r * classes;
      double dot = 0;
      for (int64_t i = 0; i < classes; ++i) dot += static_cast<double>(row[i]) * static_cast<double>(d[i]);
      for (int64_t i = 0; i < classes; ++i) dx[i] = row[i] * static_cast<T>(static_cast<double>(d[i]) - dot);
    });
  });
}

Tensor log_softmax_gradient(const Tensor& y, const Tensor& dy) {
  const int64_t classes = last_extent(y, "log_softmax");
  const Tensor g = to_plain(dy);
  return dispatch_floating(y, [&]<class T>() {
    return map_rows<T>(y, classes, [&](const T* row, T* dx, int64_t r) {
      const T* const d = g.data<T>() + r * classes;
      Row<T>{row, classes}.exp_shifted(0, Row<T>{d, classes}.sum(), dx);
      for (int64_t i = 0; i < classes; ++i) dx[i] = d[i] - dx[i];
    });
  });
}

CrossEntropy cross_entropy(const Tensor& logits, const Tensor& labels, double smoothing) {
  const int64_t classes = last_extent(logits, "softmax_cross_entropy");
  check_labels("softmax_cross_entropy", logits.shape(), labels);
  const Tensor x = to_plain(logits);
  const int32_t* const label = labels.data<int32_t>();
  const int64_t n = x.shape()[0];
  CrossEntropy out;
  out.norm.resize(static_cast<size_t>(n));
  std::vector<double> losses(out.norm.size());
  dispatch_floating(x, [&]<class T>() {
    each_row(n, classes, [&](int64_t r) {
      const Row<T> row{x.data<T>() + r * classes, classes};
      const size_t i = static_cast<size_t>(r);
      out.norm[i] = row.norm();
      losses[i] = out.norm[i] - (1 - smoothing) * static_cast<double>(row.x[label[r]]);
      if (smoothing != 0) losses[i] -= smoothing * row.sum() / static_cast<double>(classes);
    });
  });
  out.loss = sum_in_order(losses) / static_cast<double>(n);
  return out;
}

Tensor cross_entropy_gradient(const Tensor& logits, const Tensor& labels, double smoothing, const CrossEntropy& forward,
                              double scale) {
  const Tensor x = to_plain(logits);
  const int32_t* const label = labels.data<int32_t>();
  const int64_t classes = x.shape()[1];
  const double share = scale / static_cast<double>(x.shape()[0]);
  return dispatch_floating(x, [&]<class T>() {
    const T uniform = static_cast<T>(share * smoothing / static_cast<double>(classes));
    return map_rows<T>(x, classes, [&](const T* row, T* dx, int64_t r) {
      Row<T>{row, classes}.exp_shifted(forward.norm[static_cast<size_t>(r)], share, dx);
      if (smoothing != 0)
        for (int64_t i = 0; i < classes; ++i) dx[i] -= uniform;
      dx[label[r]] -= static_cast<T>(share * (1 - smoothing));
    });
  });
}

double nll(const Tensor& x, const Tensor& labels) {
  check_floating("nll_loss", x);
  check_labels("nll_loss", x.shape(), labels);
  const Tensor in = to_plain(x);
  const int64_t n = x.shape()[0], classes = x.shape()[1];
  const int32_t* const label = labels.data<int32_t>();
  return dispatch_floating(x, [&]<class T>() {
    double total = 0;
    for (int64_t r = 0; r < n; ++r) total -= static_cast<double>(in.data<T>()[r * classes + label[r]]);
    return total / static_cast<double>(n);
  });
}

Tensor nll_gradient(const Shape& shape, DType dtype, const Tensor& labels, double scale) {
  Tensor dx = Tensor::zeros(shape, dtype);
  const int32_t* const label = labels.data<int32_t>();
  dispatch_floating(dx, [&]<class T>() {
    T* const p = dx.mutable_data<T>();
    for (int64_t r = 0; r < shape[0]; ++r)
      p[r * shape[1] + label[r]] = static_cast<T>(-scale / static_cast<double>(shape[0]));
  });
  return dx;
}

}  // namespace pith::ops
