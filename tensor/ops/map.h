// Functions of one number, applied to every element, and their derivatives. f32 or f64, any shape; the order of memory
// is kept, and in lane order halo and dead lanes stay 0 also where f(0) is not. Throws TypeError for other types.
#pragma once

#include "tensor/kernels/maps.h"
#include "tensor/tensor.h"

namespace pith::ops {

/// A function by its kind and parameters (tensor/kernels/maps.h).
struct Map {
  MapKind kind = MapKind::relu;
  double p = 0, q = 0;
};

Tensor map(const Map& f, const Tensor& x);

/// Does map_gradient want the result (true) or the argument (false)? affine wants neither; give it dy.
bool gradient_reads_result(const Map& f);

/// dx = f' dy, from `v`: the result or the argument, dy's shape. At the kinks of relu, clip, leaky and abs the left,
/// outer, left and no side count: 0, 0, p, 0. Overwrites dy's bytes if nobody else holds them.
Tensor map_gradient(const Map& f, const Tensor& v, const Tensor& dy);

/// Where x reaches alpha [1] from below it is cut there (PACT): sum of dy over y >= alpha, shape [1].
Tensor clip_limit_gradient(const Tensor& y, const Tensor& alpha, const Tensor& dy);

}  // namespace pith::ops
