// Structures below a threshold: groups whose norm is small go as a whole. The rule that turns a group lasso's shrunken
// groups into zeros (Wen et al. 2016).
#pragma once

#include "compress/groups.h"
#include "compress/statistics.h"

namespace pith::compress {

/// Keeps the groups with norm > threshold; what equals it is pruned.
Mask prune_groups_below(const Tensor& w, const Groups& groups, Norm norm, double threshold);

}  // namespace pith::compress
