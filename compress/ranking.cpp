#include "compress/ranking.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tensor/error.h"

namespace pith::compress {

int64_t pruned_count(int64_t count, double level, const RankOptions& options) {
  if (!(level >= 0 && level <= 1))
    throw ArgumentError("ranking: the level " + std::to_string(level) + " is not a share between 0 and 1");
  if (options.multiple < 1)
    throw ArgumentError("ranking: pruning by multiples of " + std::to_string(options.multiple) + " makes no sense");
  const double exact = level * static_cast<double>(count);
  const bool down = options.rounding == RankOptions::Rounding::down;
  int64_t pruned = static_cast<int64_t>(down ? std::floor(exact + 1e-9) : std::ceil(exact - 1e-9));
  if (level < 1) pruned = std::min(pruned, count - 1);
  return pruned - pruned % options.multiple;
}

std::vector<uint8_t> keep_highest(std::span<const double> scores, int64_t pruned) {
  if (std::any_of(scores.begin(), scores.end(), [](double s) { return std::isnan(s); }))
    throw NumericError("ranking: a score is not a number; the weights or their statistics hold NaN");
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::nth_element(order.begin(), order.begin() + pruned, order.end(), [&](int64_t a, int64_t b) {
    const double x = scores[static_cast<size_t>(a)], y = scores[static_cast<size_t>(b)];
    return x < y || (x == y && a < b);
  });
  std::vector<uint8_t> keep(scores.size(), 1);
  for (int64_t i = 0; i < pruned; ++i) keep[static_cast<size_t>(order[static_cast<size_t>(i)])] = 0;
  return keep;
}

std::vector<double> with_noise(std::vector<double> scores, const RankOptions& options) {
  if (options.noise == 0) return scores;
  Random random(options.key);
  if (random.uniform() >= options.noise) return scores;
  for (double& s : scores) s *= random.normal();
  return scores;
}

void rank_pruned_last(std::vector<double>& scores, const Mask* mask, const Groups& groups) {
  if (mask == nullptr) return;
  std::vector<uint8_t> alive(scores.size(), 0);
  for (int64_t i = 0; i < groups.shape().numel(); ++i)
    if (mask->keeps(i)) alive[static_cast<size_t>(groups.of(i))] = 1;
  for (size_t g = 0; g < scores.size(); ++g)
    if (alive[g] == 0) scores[g] = -std::numeric_limits<double>::infinity();
}

Mask prune_lowest(const Groups& groups, std::vector<double> scores, double level, const RankOptions& options) {
  const int64_t pruned = pruned_count(groups.count(), level, options);
  return groups.mask(keep_highest(with_noise(std::move(scores), options), pruned));
}

}  // namespace pith::compress
