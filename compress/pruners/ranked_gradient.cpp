#include "compress/pruners/ranked_gradient.h"

#include "compress/pruners/saliency.h"
#include "compress/statistics.h"

namespace pith::compress {

Mask prune_ranked_by_gradient(const Tensor& w, const Tensor& gradient, const Groups& groups, double level,
                              const RankOptions& options) {
  return prune_lowest(groups, group_sums(weight_times_gradient(w, gradient), groups), level, options);
}

}  // namespace pith::compress
