#include "compress/pruners/random.h"

#include "tensor/error.h"

namespace pith::compress {

Mask prune_at_random(const Groups& groups, double level, const RandomKey& key) {
  const std::vector<int64_t> order = permutation(groups.count(), key);
  return prune_lowest(groups, {order.begin(), order.end()}, level);
}

BernoulliMask prune_by_coin(const Groups& groups, double level, const RandomKey& key) {
  if (!(level >= 0 && level < 1))
    throw ArgumentError("random: the level " + std::to_string(level) + " is not a share from 0 to below 1");
  Random random(key);
  std::vector<uint8_t> keep(static_cast<size_t>(groups.count()));
  int64_t kept = 0;
  for (uint8_t& k : keep) kept += k = random.uniform() >= level;
  if (kept == 0) {
    keep.assign(keep.size(), 1);
    kept = groups.count();
  }
  return {groups.mask(keep), static_cast<double>(groups.count()) / static_cast<double>(kept)};
}

}  // namespace pith::compress
