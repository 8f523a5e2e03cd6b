#include "tensor/ops/elementwise.h"

#include <array>

#include "tensor/kernels/table.h"
#include "tensor/ops/floating.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

const char* name_of(BinaryKind kind) {
  constexpr const char* kNames[] = {"add", "sub", "mul", "div"};
  return kNames[static_cast<size_t>(kind)];
}

template <class T>
T apply(BinaryKind kind, T a, T b) {
  switch (kind) {
    case BinaryKind::add:
      return a + b;
    case BinaryKind::sub:
      return a - b;
    case BinaryKind::mul:
      return a * b;
    case BinaryKind::div:
      break;
  }
  return a / b;
}

/// One row: f32 with steps of 0 and 1 on vectors, everything else one by one.
template <class T>
void run_row(BinaryKind kind, const T* a, int64_t a_step, const T* b, int64_t b_step, T* y, int64_t count) {
  if constexpr (std::is_same_v<T, float>)
    if ((a_step | 1) == 1 && (b_step | 1) == 1) return kernels().combine(kind, a, a_step, b, b_step, y, count);
  for (int64_t i = 0; i < count; ++i) y[i] = apply(kind, a[i * a_step], b[i * b_step]);
}

template <class T>
void run_flat(BinaryKind kind, const T* a, const T* b, T* y, int64_t count) {
  parallel_for(count, kElementGrain,
               [&](int64_t begin, int64_t end) { run_row(kind, a + begin, 1, b + begin, 1, y + begin, end - begin); });
}

/// Two strided operands over one shape, neighbouring axes joined where both allow it: the last axis is the row.
struct Walk {
  std::array<int64_t, Shape::kMaxRank> extent{}, a_step{}, b_step{};
  size_t rank = 0;

  Walk(const Shape& shape, const Tensor& a, const Tensor& b) {
    for (int i = 0; i < shape.rank(); ++i) {
      const int64_t e = shape[i], sa = a.strides()[static_cast<size_t>(i)], sb = b.strides()[static_cast<size_t>(i)];
      if (e == 1) continue;
      if (rank > 0 && a_step[rank - 1] == sa * e && b_step[rank - 1] == sb * e) {
        extent[rank - 1] *= e;
      } else {
        extent[rank++] = e;
      }
      a_step[rank - 1] = sa;
      b_step[rank - 1] = sb;
    }
    if (rank == 0) extent[rank++] = 1;
  }
};

template <class T>
void run_strided(BinaryKind kind, const Tensor& a, const Tensor& b, Tensor& y) {
  const Walk walk(y.shape(), a, b);
  const size_t last = walk.rank - 1;
  const int64_t row = walk.extent[last], rows = row == 0 ? 0 : y.numel() / row;
  const T *const pa = a.data<T>(), *const pb = b.data<T>();
  T* const py = y.mutable_data<T>();
  parallel_for(rows, std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, row)), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      int64_t oa = 0, ob = 0, rest = r;
      for (size_t i = last; i-- > 0; rest /= walk.extent[i]) {
        oa += rest % walk.extent[i] * walk.a_step[i];
        ob += rest % walk.extent[i] * walk.b_step[i];
      }
      run_row(kind, pa + oa, walk.a_step[last], pb + ob, walk.b_step[last], py + r * row, row);
    }
  });
}

/// Halo and dead lanes ride along, since f(0, 0) = 0.
Tensor combine_lanes(BinaryKind kind, const Tensor& a, const Tensor& b) {
  const int64_t halo = a.is_lanes() ? a.geometry().halo : b.geometry().halo;
  const Tensor left = to_lanes(a, halo), right = to_lanes(b, halo);
  Tensor y = Tensor::lanes(a.shape(), halo);
  run_flat(kind, left.data<float>(), right.data<float>(), y.mutable_data<float>(),
           static_cast<int64_t>(y.bytes() / sizeof(float)));
  return y;
}

/// Tiles of one geometry; their halos ride along too.
Tensor combine_tiles(BinaryKind kind, const Tensor& a, const Tensor& b) {
  Tensor y = Tensor::tiles(a.shape(), a.geometry().halo, a.geometry().grid);
  run_flat(kind, a.data<float>(), b.data<float>(), y.mutable_data<float>(),
           static_cast<int64_t>(y.bytes() / sizeof(float)));
  return y;
}

}  // namespace

Tensor combine(BinaryKind kind, const Tensor& a, const Tensor& b) {
  check_floating(name_of(kind), a, b);
  const bool same = a.shape() == b.shape();
  if (kind != BinaryKind::div && a.is_tiles() && b.is_tiles() && a.geometry() == b.geometry())
    return combine_tiles(kind, a, b);
  if (same && (a.is_lanes() || b.is_lanes())) {
    if (kind != BinaryKind::div) return combine_lanes(kind, a, b);
    return in_order_of(a.is_lanes() ? a : b, combine(kind, to_plain(a), to_plain(b)));  // 0 / 0 is no 0
  }
  const Shape shape = same ? a.shape() : broadcast(a.shape(), b.shape(), name_of(kind));
  const Tensor left = a.is_plain() ? a : to_plain(a), right = b.is_plain() ? b : to_plain(b);
  Tensor y = Tensor::empty(shape, a.dtype());
  dispatch_floating(a, [&]<class T>() {
    if (same && left.is_contiguous() && right.is_contiguous()) {
      run_flat(kind, left.data<T>(), right.data<T>(), y.mutable_data<T>(), y.numel());
    } else {
      run_strided<T>(kind, left.expand(shape), right.expand(shape), y);
    }
  });
  return y;
}

}  // namespace pith::ops
