#include "tensor/ops/reduce.h"

#include <atomic>
#include <cmath>
#include <vector>

#include "tensor/kernels/table.h"
#include "tensor/ops/floating.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

template <class T>
double sum_stretch(const T* x, int64_t count) {
  if constexpr (std::is_same_v<T, float>) return kernels().sum(x, count);
  double total = 0;
  for (int64_t i = 0; i < count; ++i) total += static_cast<double>(x[i]);
  return total;
}

/// Sum of `count` numbers that lie one behind the other.
template <class T>
double sum_flat(const T* x, int64_t count) {
  if (count <= kElementGrain) return sum_stretch(x, count);
  std::vector<double> partial(static_cast<size_t>(chunk_count(count, kElementGrain)));
  parallel_for(count, kElementGrain, [&](int64_t begin, int64_t end) {
    partial[static_cast<size_t>(begin / kElementGrain)] = sum_stretch(x + begin, end - begin);
  });
  double total = 0;
  for (double p : partial) total += p;
  return total;
}

/// x [outer, extent, inner] -> y [outer, inner].
template <class T>
void sum_middle(const T* x, T* y, int64_t outer, int64_t extent, int64_t inner) {
  if (inner == 1) {
    parallel_for(outer, std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, extent)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t o = begin; o < end; ++o) y[o] = static_cast<T>(sum_stretch(x + o * extent, extent));
                 });
    return;
  }
  constexpr int64_t kColumns = 256;
  const int64_t pieces = chunk_count(inner, kColumns);
  parallel_for(outer * pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t o = i / pieces, first = i % pieces * kColumns, count = std::min(kColumns, inner - first);
      double total[kColumns] = {};
      for (int64_t e = 0; e < extent; ++e)
        for (int64_t k = 0; k < count; ++k) total[k] += static_cast<double>(x[(o * extent + e) * inner + first + k]);
      for (int64_t k = 0; k < count; ++k) y[o * inner + first + k] = static_cast<T>(total[k]);
    }
  });
}

}  // namespace

Tensor sum(const Tensor& x) {
  check_floating("sum", x);
  if (x.is_lanes())  // halo and dead lanes are zero
    return Tensor::full({}, sum_flat(x.data<float>(), static_cast<int64_t>(x.bytes() / sizeof(float))));
  const Tensor in = x.contiguous();
  return dispatch_floating(x,
                           [&]<class T>() { return Tensor::full({}, sum_flat(in.data<T>(), in.numel()), x.dtype()); });
}

Tensor sum(const Tensor& x, int axis, bool keep) {
  check_floating("sum", x);
  const int a = checked_axis(axis, x.shape().rank(), "sum");
  const Tensor in = to_plain(x);
  const std::span<const int64_t> e = x.shape().extents();
  int64_t outer = 1, inner = 1;
  std::vector<int64_t> rest;
  for (int i = 0; i < x.shape().rank(); ++i) {
    (i < a ? outer : inner) *= i == a ? 1 : e[static_cast<size_t>(i)];
    if (i != a) rest.push_back(e[static_cast<size_t>(i)]);
  }
  Tensor y = Tensor::empty(keep ? x.shape().with(a, 1) : Shape(std::span<const int64_t>(rest)), x.dtype());
  dispatch_floating(x, [&]<class T>() { sum_middle(in.data<T>(), y.mutable_data<T>(), outer, x.shape()[a], inner); });
  return y;
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  if (shape.numel() == 1 && x.numel() > 0) return sum(x).view(shape);
  Tensor t = to_plain(x);
  const int extra = x.shape().rank() - shape.rank();
  for (int i = 0; i < extra; ++i) t = sum(t, 0, false);
  for (int i = 0; i < shape.rank(); ++i)
    if (shape[i] == 1 && t.shape()[i] != 1) t = sum(t, i, true);
  return t;
}

bool is_finite(const Tensor& x) {
  if (x.dtype() != DType::f32 && x.dtype() != DType::f64) return true;
  const Tensor in = x.is_lanes() ? x : x.contiguous();
  return dispatch_floating(x, [&]<class T>() {
    const T* const p = in.data<T>();
    std::atomic<bool> fine{true};
    parallel_for(static_cast<int64_t>(in.bytes() / sizeof(T)), kElementGrain, [&](int64_t begin, int64_t end) {
      T zero = 0;  // stays 0 while all are finite: 0 times infinity is NaN
      for (int64_t i = begin; i < end; ++i) zero += p[i] * 0;
      if (!(zero == 0)) fine = false;
    });
    return fine.load();
  });
}

}  // namespace pith::ops
