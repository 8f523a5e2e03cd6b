// Structures ranked by the first-order Taylor term of the loss (Molchanov et al. 2017, "Pruning convolutional neural
// networks for resource efficient inference"): how much the loss would change without them.
#pragma once

#include "compress/ranking.h"

namespace pith::compress {

/// Signed sum of gradient * w over each group; the lowest go first. gradient: w's shape, of one batch or a mean of
/// many.
Mask prune_ranked_by_gradient(const Tensor& w, const Tensor& gradient, const Groups& groups, double level,
                              const RankOptions& options = {});

}  // namespace pith::compress
