#include "compress/pruners/ranked_gradient.h"

#include <cmath>

#include "compress/pruners/saliency.h"
#include "compress/statistics.h"

namespace pith::compress {

std::vector<double> gradient_scores(const Tensor& w, const Tensor& gradient, const Groups& groups) {
  std::vector<double> scores = group_sums(weight_times_gradient(w, gradient), groups);
  for (double& s : scores) s = std::abs(s);
  return scores;
}

Mask prune_ranked_by_gradient(const Tensor& w, const Tensor& gradient, const Groups& groups, double level,
                              const RankOptions& options) {
  return prune_lowest(groups, gradient_scores(w, gradient, groups), level, options);
}

}  // namespace pith::compress
