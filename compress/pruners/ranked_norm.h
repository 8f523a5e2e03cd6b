// Structures ranked by their own weights: mean L1 (Li et al. 2017, "Pruning filters for efficient ConvNets") or mean
// L2.
#pragma once

#include "compress/ranking.h"
#include "compress/statistics.h"

namespace pith::compress {

/// Prunes the level's share of the groups, smallest norm first. The mean norms compare groups of different tensors,
/// too.
Mask prune_ranked_by_norm(const Tensor& w, const Groups& groups, Norm norm, double level,
                          const RankOptions& options = {});

/// The same at a level drawn uniformly from [low, high] (for robustness studies).
Mask prune_ranked_at_random_level(const Tensor& w, const Groups& groups, double low, double high,
                                  const RankOptions& options);

}  // namespace pith::compress
