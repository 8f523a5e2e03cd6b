// Random masks: the yardstick that every criterion must beat, and the start of sparse training from scratch.
#pragma once

#include "compress/ranking.h"

namespace pith::compress {

/// Prunes the level's share of the groups, chosen at random.
Mask prune_at_random(const Groups& groups, double level, const RandomKey& key);

/// DropFilter (Pan, Niu, Duan 2017), by coin: every group is kept with probability 1 - level. Where the coins keep
/// none, all are kept. scale = all / kept is what the model multiplies the kept weights by, as inverted dropout does.
struct BernoulliMask {
  Mask mask;
  double scale = 1;
};
BernoulliMask prune_by_coin(const Groups& groups, double level, const RandomKey& key);

}  // namespace pith::compress
