#include "tensor/ops/lstm_cell.h"

#include <cmath>
#include <vector>

#include "tensor/kernels/table.h"
#include "tensor/ops/floating.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

template <class T>
void activate(MapKind kind, const T* x, T* y, int64_t count) {
  if constexpr (std::is_same_v<T, float>) return kernels().map(kind, 0, 0, x, y, count);
  for (int64_t i = 0; i < count; ++i) y[i] = kind == MapKind::tanh ? std::tanh(x[i]) : 1 / (1 + std::exp(-x[i]));
}

/// Calls f(row) for every row, several to a chunk.
template <class F>
void each_row(int64_t rows, int64_t hidden, const F& f) {
  parallel_for(rows, 1 + 4096 / (hidden + 1), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) f(r);
  });
}

}  // namespace

void lstm_cell(Tensor& gates, const Tensor& c_before, Tensor& c, Tensor& h) {
  const int64_t rows = c.shape()[0], hidden = c.shape()[1];
  dispatch_floating(c, [&]<class T>() {
    T *const pg = gates.mutable_data<T>(), *const pc = c.mutable_data<T>(), *const ph = h.mutable_data<T>();
    const T* const before = c_before.data<T>();
    each_row(rows, hidden, [&](int64_t r) {
      T *const g = pg + r * 4 * hidden, *const row = pc + r * hidden, *const out = ph + r * hidden;
      activate(MapKind::sigmoid, g, g, 2 * hidden);
      activate(MapKind::tanh, g + 2 * hidden, g + 2 * hidden, hidden);
      activate(MapKind::sigmoid, g + 3 * hidden, g + 3 * hidden, hidden);
      for (int64_t k = 0; k < hidden; ++k) row[k] = g[hidden + k] * before[r * hidden + k] + g[k] * g[2 * hidden + k];
      activate(MapKind::tanh, row, out, hidden);
      for (int64_t k = 0; k < hidden; ++k) out[k] *= g[3 * hidden + k];
    });
  });
}

void lstm_cell_gradient(const Tensor& gates, const Tensor& c_before, const Tensor& c, const Tensor& dh, Tensor& dc,
                        Tensor& dgates) {
  const int64_t rows = c.shape()[0], hidden = c.shape()[1];
  dispatch_floating(c, [&]<class T>() {
    const T *const pg = gates.data<T>(), *const before = c_before.data<T>(), *const pc = c.data<T>();
    const T* const pdh = dh.data<T>();
    T *const pdc = dc.mutable_data<T>(), *const pd = dgates.mutable_data<T>();
    each_row(rows, hidden, [&](int64_t r) {
      std::vector<T> squashed(static_cast<size_t>(hidden));
      activate(MapKind::tanh, pc + r * hidden, squashed.data(), hidden);
      const T* const g = pg + r * 4 * hidden;
      T* const d = pd + r * 4 * hidden;
      for (int64_t k = 0; k < hidden; ++k) {
        const T i = g[k], f = g[hidden + k], m = g[2 * hidden + k], o = g[3 * hidden + k];
        const T t = squashed[static_cast<size_t>(k)], from = pdh[r * hidden + k];
        const T dcell = pdc[r * hidden + k] + from * o * (1 - t * t);
        d[k] = dcell * m * i * (1 - i);
        d[hidden + k] = dcell * before[r * hidden + k] * f * (1 - f);
        d[2 * hidden + k] = dcell * i * (1 - m * m);
        d[3 * hidden + k] = from * t * o * (1 - o);
        pdc[r * hidden + k] = dcell * f;
      }
    });
  });
}

}  // namespace pith::ops
