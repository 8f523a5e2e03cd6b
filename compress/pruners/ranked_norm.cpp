#include "compress/pruners/ranked_norm.h"

#include "tensor/error.h"

namespace pith::compress {

Mask prune_ranked_by_norm(const Tensor& w, const Groups& groups, Norm norm, double level, const RankOptions& options) {
  return prune_lowest(groups, group_norms(w, groups, norm), level, options);
}

Mask prune_ranked_at_random_level(const Tensor& w, const Groups& groups, double low, double high,
                                  const RankOptions& options) {
  if (!(low >= 0 && low <= high && high <= 1))
    throw ArgumentError("ranking: the range " + std::to_string(low) + " to " + std::to_string(high) +
                        " is not within 0 to 1");
  return prune_ranked_by_norm(w, groups, Norm::mean_l1, Random(options.key).uniform(low, high), options);
}

}  // namespace pith::compress
