// N:M sparsity: of every M consecutive weights at most N are kept (Mishra et al. 2021, "Accelerating sparse deep neural
// networks").
#pragma once

#include "tensor/formats/mask.h"
#include "tensor/tensor.h"

namespace pith::compress {

/// Keeps the n largest |w| of every m consecutive input channels at one output and kernel position; ties keep the lower
/// channel. A last group of fewer than m keeps at most n. w: [out, in] or [out, in, kh, kw]; 1 <= n <= m. Throws
/// ArgumentError or ShapeError otherwise, NumericError for NaN.
Mask prune_n_of_m(const Tensor& w, int64_t n, int64_t m);

}  // namespace pith::compress
