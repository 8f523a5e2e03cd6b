#include "compress/pruners/greedy.h"

#include <optional>

namespace pith::compress {
namespace {

struct Candidate {
  GreedyStep step;
  std::vector<Mask> state;
};

bool better(const GreedyStep& a, const GreedyStep& b) {
  return a.score > b.score || (a.score == b.score && a.cost < b.cost);
}

std::optional<Candidate> best_candidate(const GreedyProblem& problem, const std::vector<Mask>& state, double cost) {
  std::optional<Candidate> best;
  for (size_t layer = 0; layer < state.size(); ++layer) {
    const Mask mask = problem.next(layer, state);
    if (mask == state[layer]) continue;
    std::vector<Mask> tried = state;
    tried[layer] = mask;
    GreedyStep step{layer, problem.cost(tried), 0};
    if (!(step.cost < cost)) continue;
    step.score = problem.score(tried);
    if (!best || better(step, best->step)) best = Candidate{step, std::move(tried)};
  }
  return best;
}

}  // namespace

GreedyResult prune_greedily(const GreedyProblem& problem, double budget) {
  GreedyResult result{problem.start, {}};
  double cost = problem.cost(result.masks);
  while (cost > budget) {
    std::optional<Candidate> best = best_candidate(problem, result.masks, cost);
    if (!best) break;
    cost = best->step.cost;
    result.masks = std::move(best->state);
    result.steps.push_back(best->step);
  }
  return result;
}

}  // namespace pith::compress
