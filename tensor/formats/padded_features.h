// Features as the vector kernels of packed matrices want them: whole blocks of columns, with zeros behind the last one.
#pragma once

#include "tensor/tensor.h"

namespace pith {

/// x [n, cols] with at least `cols` columns, the new ones 0, in x's order of memory: x itself where it has enough. f32.
Tensor padded_features(const Tensor& x, int64_t cols);

/// Calls vector(row of x, row of y) for every row of plain features, or panels(x, y) once for lanes; the result is
/// y [n, rows] in x's order. x [n, cols], plain or lanes; more than one plain row goes through lanes.
template <class Vector, class PanelsOf>
Tensor packed_product(const Tensor& x, int64_t rows, const Vector& vector, const PanelsOf& panels) {
  const int64_t n = x.shape()[0];
  if (!x.is_lanes() && n > 1) return to_plain(packed_product(to_lanes(x, 0), rows, vector, panels));
  if (x.is_lanes()) {
    Tensor y = Tensor::lanes({n, rows}, 0);
    panels(x, y);
    return y;
  }
  const Tensor plain = to_plain(x);
  Tensor y = Tensor::empty({n, rows});
  if (n == 1) vector(plain.data<float>(), y.mutable_data<float>());
  return y;
}

}  // namespace pith
