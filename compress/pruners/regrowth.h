// Masks that move: sparse training from scratch keeps the number of weights and changes which. A share of the kept
// weights with the smallest |w| is dropped, and as many others grow. New weights start from 0: w is 0 where the old
// mask pruned.
#pragma once

#include "tensor/formats/mask.h"
#include "tensor/random.h"
#include "tensor/tensor.h"

namespace pith::compress {

/// SET (Mocanu et al. 2018): grows at random.
Mask set_update(const Tensor& w, const Mask& mask, double share, const RandomKey& key);

/// RigL (Evci et al. 2020, "Rigging the lottery"): grows where the dense gradient is largest. gradient: w's shape.
Mask rigl_update(const Tensor& w, const Tensor& gradient, const Mask& mask, double share);

/// The share of RigL at a time: share / 2 (1 + cos(pi t)), 0 from the end on. t in [0, 1]: the way to the last update.
double rigl_share(double share, double t);

}  // namespace pith::compress
