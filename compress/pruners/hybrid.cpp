#include "compress/pruners/hybrid.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "tensor/error.h"

namespace pith::compress {

std::vector<double> ranks_of(const std::vector<double>& scores) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = 0; i < scores.size(); ++i)
    if (std::isnan(scores[i])) throw NumericError("ranking: score " + std::to_string(i) + " is not a number");
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  std::vector<double> ranks(scores.size(), 1);
  const double last = static_cast<double>(scores.size()) - 1;
  for (size_t first = 0, end = 0; first < order.size() && last > 0; first = end) {
    while (end < order.size() && scores[order[end]] == scores[order[first]]) ++end;
    const double mean = (static_cast<double>(first) + static_cast<double>(end) - 1) / 2;
    for (size_t i = first; i < end; ++i) ranks[order[i]] = mean / last;
  }
  return ranks;
}

std::vector<double> hybrid_scores(std::span<const std::vector<double>> criteria, std::span<const double> weights) {
  const bool positive = std::all_of(weights.begin(), weights.end(), [](double w) { return w >= 0; });
  const bool any = std::any_of(weights.begin(), weights.end(), [](double w) { return w > 0; });
  if (criteria.empty() || criteria.size() != weights.size() || !positive || !any)
    throw ArgumentError("hybrid ranking: " + std::to_string(criteria.size()) +
                        " criteria need as many weights, not below 0 and not all 0");
  std::vector<double> sums(criteria[0].size(), 0);
  for (size_t c = 0; c < criteria.size(); ++c) {
    if (criteria[c].size() != sums.size())
      throw ArgumentError("hybrid ranking: a criterion has " + std::to_string(criteria[c].size()) +
                          " scores, the first " + std::to_string(sums.size()));
    const std::vector<double> ranks = ranks_of(criteria[c]);
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += weights[c] * ranks[i];
  }
  return sums;
}

}  // namespace pith::compress
