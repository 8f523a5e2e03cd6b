#include "tensor/ops/embedding.h"

#include <cstring>
#include <string>
#include <vector>

#include "tensor/ops/floating.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

Shape row_shape(const Tensor& indices, int64_t features) {
  std::vector<int64_t> e(indices.shape().extents().begin(), indices.shape().extents().end());
  e.push_back(features);
  return Shape(std::span<const int64_t>(e));
}

void check_indices(const int32_t* p, int64_t count, int64_t words) {
  for (int64_t i = 0; i < count; ++i)
    if (p[i] < 0 || p[i] >= words)
      throw FormatError("embedding: index " + std::to_string(p[i]) + " at place " + std::to_string(i) +
                        " is outside [0, " + std::to_string(words) + ")");
}

}  // namespace

Tensor embedding(const Tensor& w, const Tensor& indices) {
  check_floating("embedding", w);
  if (w.shape().rank() != 2) throw ShapeError("embedding: wants a table [words, features], here is " + text(w));
  if (indices.dtype() != DType::s32) throw TypeError("embedding: indices must be s32, they are " + text(indices));
  const Tensor table = w.contiguous(), index = indices.contiguous();
  const int64_t features = w.shape()[1];
  const int32_t* const p = index.data<int32_t>();
  check_indices(p, index.numel(), w.shape()[0]);
  Tensor y = Tensor::empty(row_shape(index, features), w.dtype());
  dispatch_floating(w, [&]<class T>() {
    const T* const from = table.data<T>();
    T* const to = y.mutable_data<T>();
    parallel_for(index.numel(), 64, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        std::memcpy(to + i * features, from + p[i] * features, static_cast<size_t>(features) * sizeof(T));
    });
  });
  return y;
}

Tensor embedding_gradient(const Tensor& dy, const Tensor& indices, const Shape& w) {
  const Tensor g = to_plain(dy), index = indices.contiguous();
  const int64_t features = w[1];
  const int32_t* const p = index.data<int32_t>();
  Tensor dw = Tensor::zeros(w, dy.dtype());
  dispatch_floating(dy, [&]<class T>() {
    const T* const from = g.data<T>();
    T* const to = dw.mutable_data<T>();
    parallel_for(features, 256, [&](int64_t begin, int64_t end) {  // columns: repeated rows stay in one thread
      for (int64_t i = 0; i < index.numel(); ++i)
        for (int64_t k = begin; k < end; ++k) to[p[i] * features + k] += from[i * features + k];
    });
  });
  return dw;
}

}  // namespace pith::ops
