// Products with a weight under a mask: y = (W . M) x, and dW exists only where M keeps. f32 or f64.
//
// Two roads to one function. Sparse enough, forward and both gradients run on the kept weights alone; otherwise they
// run dense, and the gradient is cut to the mask. f64 always runs dense (gradient checks). A weight must be exactly 0
// where its mask prunes (nn/parameter.h keeps it so); f64 does not rely on it.
#pragma once

#include <memory>

#include "autograd/variable.h"
#include "tensor/formats/mask.h"

namespace pith {

/// Up to which density the sparse road is taken; 0 = never, above 1 = always. Defaults from bench/spmm_bench (spmm and
/// spmv/csr rows) on AVX-512 at 512 x 512: with 256 columns forward breaks even with the fastest dense product near a
/// density of 0.5, the two gradients near 0.3; a vector by gathers near 0.1.
struct SparseCrossover {
  double panels = 0.3;   ///< 16 and more columns or images side by side
  double vector = 0.08;  ///< one: gathers cannot use the width of a register
  double window = 0.6;   ///< a convolution, whatever the batch (bench/sparse_conv_bench)
};

/// y = x (w . M)^T + b, as linear(): x [n, in] plain or lanes (or [..., in] plain), w [out, in], b [out] or undefined.
/// Throws ShapeError where the mask has another shape than w.
Variable masked_linear(const Variable& x, const Variable& w, const Variable& b, std::shared_ptr<const Mask> keep,
                       const SparseCrossover& crossover = {});

/// y = (w . M) x: w [r, c], x [c, n] -> [r, n]; plain order.
Variable masked_matmul(const Variable& w, std::shared_ptr<const Mask> keep, const Variable& x,
                       const SparseCrossover& crossover = {});

}  // namespace pith
