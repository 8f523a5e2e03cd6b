// Ranking: scores to masks. The groups with the lowest scores are pruned; of equal ones the first. Everything that
// ranks ends here, so that one rule says how many and which.
#pragma once

#include <span>
#include <vector>

#include "compress/groups.h"
#include "tensor/random.h"

namespace pith::compress {

struct RankOptions {
  /// The number of pruned groups is a multiple of it (a vector width, say).
  int64_t multiple = 1;
  /// level * count is rounded down, or up.
  enum class Rounding : uint8_t { down, up } rounding = Rounding::down;
  /// With this probability every score is multiplied by a normal deviate: now and then another choice is tried.
  double noise = 0;
  RandomKey key{.purpose = Purpose::mask};  ///< of the noise
};

/// How many of `count` groups a level prunes: level * count rounded (what is within 1e-9 of a whole number is that
/// number), then down to a multiple; not all of them unless the level is 1. Throws ArgumentError outside [0, 1].
int64_t pruned_count(int64_t count, double level, const RankOptions& options = {});

/// A flag for each score: 0 for the `pruned` lowest, 1 for the others. Throws NumericError for a score that is NaN.
std::vector<uint8_t> keep_highest(std::span<const double> scores, int64_t pruned);

/// A group that is pruned already has neither gradient nor activation to be ranked by: it stays pruned, lowest of all.
/// mask: of the grouped weight; null: nothing is pruned.
void rank_pruned_last(std::vector<double>& scores, const Mask* mask, const Groups& groups);

/// Prunes the level's share of the groups, lowest scores first.
Mask prune_lowest(const Groups& groups, std::vector<double> scores, double level, const RankOptions& options = {});

/// The scores with the options' noise.
std::vector<double> with_noise(std::vector<double> scores, const RankOptions& options);

}  // namespace pith::compress
