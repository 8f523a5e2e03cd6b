#include "tensor/ops/accumulate.h"

#include "tensor/error.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

/// sum[i] = a[i] + b[i]; sum may be a. A memory-bound loop: the compiler's vectors are wide enough.
template <class T>
void add(const T* a, const T* b, T* sum, int64_t count) {
  constexpr int64_t kChunk = 1 << 15;
  parallel_for(count, kChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) sum[i] = a[i] + b[i];
  });
}

template <class T>
void add_into(Tensor& into, const Tensor& g) {
  const int64_t count = static_cast<int64_t>(into.bytes() / sizeof(T));  // lanes: halo and dead lanes too, 0 + 0 = 0
  const Tensor old = into;
  const bool shared = old.defined() && !(into = Tensor(), old.is_sole_owner());
  into = !shared          ? old
         : old.is_lanes() ? Tensor::lanes(old.shape(), old.geometry().halo)
                          : Tensor::empty(old.shape(), old.dtype());
  add(old.data<T>(), g.data<T>(), into.mutable_data<T>(), count);
}

}  // namespace

void accumulate(Tensor& into, const Tensor& g) {
  if (!(into.shape() == g.shape()) || into.dtype() != g.dtype())
    throw ShapeError("accumulate: " + text(g) + " cannot be added to " + text(into));
  if (into.dtype() != DType::f32 && into.dtype() != DType::f64)
    throw TypeError("accumulate: wants f32 or f64, here is " + text(into));
  const Tensor other = into.is_lanes() ? to_lanes(g, into.geometry().halo) : to_plain(g);
  if (!into.is_lanes()) into = into.contiguous();
  into.dtype() == DType::f32 ? add_into<float>(into, other) : add_into<double>(into, other);
}

Tensor whole(const GradientParts& parts) {
  Tensor sum = parts.dy;
  if (parts.more.defined()) accumulate(sum, parts.more);
  return sum;
}

}  // namespace pith::ops
