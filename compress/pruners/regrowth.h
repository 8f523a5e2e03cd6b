// Masks that move: sparse training from scratch changes which weights there are. A share of the kept weights with the
// smallest |w| is dropped, and as many others grow; where fewer shall be kept than before (`kept`, GraNet), more are
// dropped than grow. New weights start from 0: w is 0 where the old mask pruned.
#pragma once

#include "tensor/formats/mask.h"
#include "tensor/random.h"
#include "tensor/tensor.h"

namespace pith::compress {

/// SET (Mocanu et al. 2018): grows at random. The new mask keeps `kept` weights, of which `share` grew. Throws
/// ShapeError for a mask of another shape; ArgumentError for a share outside [0, 1], or a `kept` outside [0,
/// mask.kept()].
Mask set_update(const Tensor& w, const Mask& mask, int64_t kept, double share, const RandomKey& key);

/// RigL (Evci et al. 2020, "Rigging the lottery"): grows where the dense gradient is largest. gradient: w's shape. With
/// a `kept` that falls it is what GraNet does in each tensor (Liu et al. 2021, "Sparse training via boosting pruning
/// plasticity with neuroregeneration"). Throws as set_update does.
Mask rigl_update(const Tensor& w, const Tensor& gradient, const Mask& mask, int64_t kept, double share);

/// The share of RigL at a time: share / 2 (1 + cos(pi t)), 0 from the end on. t in [0, 1]: the way to the last update.
double rigl_share(double share, double t);

}  // namespace pith::compress
