// Structures ranked by the first-order Taylor term of the loss (Molchanov et al. 2017, "Pruning convolutional neural
// networks for resource efficient inference"; of weights, as Molchanov et al. 2019): how much the loss would change
// without them.
#pragma once

#include "compress/ranking.h"

namespace pith::compress {

/// The size of the sum of gradient * w over each group, which is what the loss would change by, up or down. Throws
/// ShapeError unless gradient has w's shape.
std::vector<double> gradient_scores(const Tensor& w, const Tensor& gradient, const Groups& groups);

/// The groups with the lowest score go first. gradient: of one batch or a mean of many. The model's code ranks by the
/// signed sum, so that those go first without which the loss would rise most.
Mask prune_ranked_by_gradient(const Tensor& w, const Tensor& gradient, const Groups& groups, double level,
                              const RankOptions& options = {});

}  // namespace pith::compress
