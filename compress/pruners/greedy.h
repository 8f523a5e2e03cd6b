// Greedy pruning to a budget, as NetAdapt does it (Yang et al. 2018): in every round each candidate layer loses a
// little more, the network is judged, and the best candidate stays.
#pragma once

#include <functional>
#include <vector>

#include "tensor/formats/mask.h"

namespace pith::compress {

/// What greedy pruning asks. A state is one mask a layer; everything else (weights, fine-tuning, data) is the caller's.
struct GreedyProblem {
  /// Masks of the dense network, one a layer.
  std::vector<Mask> start;
  /// The layer's mask with a step more pruned; its own mask where nothing more may go.
  std::function<Mask(size_t layer, const std::vector<Mask>& state)> next;
  /// MACs (or bytes, or time) of a state.
  std::function<double(const std::vector<Mask>& state)> cost;
  /// How good a state is after its fine-tuning: the higher, the better.
  std::function<double(const std::vector<Mask>& state)> score;
};

struct GreedyStep {
  size_t layer = 0;
  double cost = 0, score = 0;
};

struct GreedyResult {
  std::vector<Mask> masks;
  std::vector<GreedyStep> steps;  ///< what was taken, round by round
};

/// Rounds until the cost is at most `budget`, or nothing lowers it any more. Of equal scores the cheaper state is
/// taken, then the earlier layer.
GreedyResult prune_greedily(const GreedyProblem& problem, double budget);

}  // namespace pith::compress
