#include "compress/pruners/ranked_activation.h"

#include "tensor/error.h"

namespace pith::compress {
namespace {

void check_count(const Groups& groups, std::span<const double> statistics) {
  if (static_cast<int64_t>(statistics.size()) != groups.count())
    throw ShapeError("activations: " + std::to_string(statistics.size()) + " statistics for the " +
                     std::to_string(groups.count()) + " filters of " + text(groups.shape()));
}

}  // namespace

std::vector<double> apoz_scores(const Groups& groups, std::span<const double> zeros) {
  check_count(groups, zeros);
  std::vector<double> alive;
  for (const double share : zeros) alive.push_back(1 - share);
  return alive;
}

std::vector<double> mean_activation_scores(const Groups& groups, std::span<const double> means) {
  check_count(groups, means);
  return {means.begin(), means.end()};
}

Mask prune_ranked_by_apoz(const Groups& groups, std::span<const double> zeros, double level,
                          const RankOptions& options) {
  return prune_lowest(groups, apoz_scores(groups, zeros), level, options);
}

Mask prune_ranked_by_mean_activation(const Groups& groups, std::span<const double> means, double level,
                                     const RankOptions& options) {
  return prune_lowest(groups, mean_activation_scores(groups, means), level, options);
}

}  // namespace pith::compress
