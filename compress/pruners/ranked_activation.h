// Filters ranked by what they put out, measured on data: one number a filter.
#pragma once

#include <span>

#include "compress/ranking.h"

namespace pith::compress {

/// What filters are ranked by, the lowest to go first: the share of activations that are not zero, or their mean.
/// Throws ShapeError unless there is one statistic a filter.
std::vector<double> apoz_scores(const Groups& groups, std::span<const double> zeros);
std::vector<double> mean_activation_scores(const Groups& groups, std::span<const double> means);

/// Prunes the filters with the highest average percentage of zeros behind their ReLU (APoZ; Hu et al. 2016, "Network
/// trimming"). zeros: the share of zeros in each filter's feature map, in [0, 1]. `groups` are the filters.
Mask prune_ranked_by_apoz(const Groups& groups, std::span<const double> zeros, double level,
                          const RankOptions& options = {});

/// Prunes the filters with the lowest mean activation (Molchanov et al. 2017), the opposite of the model's code, which
/// prunes the highest.
Mask prune_ranked_by_mean_activation(const Groups& groups, std::span<const double> means, double level,
                                     const RankOptions& options = {});

}  // namespace pith::compress
