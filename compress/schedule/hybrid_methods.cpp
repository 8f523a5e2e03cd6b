// Structures ranked by several criteria that vote, and filters pruned greedily to a compute budget.
#include <cmath>
#include <map>

#include "compress/pruners/greedy.h"
#include "compress/pruners/hybrid.h"
#include "compress/pruners/ranked_gradient.h"
#include "compress/pruners/ranked_norm.h"
#include "compress/schedule/pruning_methods.h"
#include "compress/schedule/settings.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

const std::vector<std::string> kCriteria = {"l1", "l2", "gradient", "apoz", "mean_activation"};

/// Weights of the criteria, in the order of kCriteria; 0 where one is not named.
using Votes = std::vector<double>;

class HybridMethod : public PruningMethod {
 public:
  HybridMethod(std::vector<Selector> who, Votes votes, const GroupSetting& groups, const LevelSetting& level,
               const RankOptions& rank)
      : PruningMethod(std::move(who)), votes_(std::move(votes)), groups_(groups), level_(level), rank_(rank) {}

  Needs needs() const override {
    if (votes_[3] > 0 || votes_[4] > 0) return Needs::activations;
    return votes_[2] > 0 ? Needs::gradient : Needs::weights;
  }
  void check(const std::string&, const Shape& shape) const override { groups_.of(shape); }
  std::vector<Choice> choose(std::span<Target> targets, const Moment& m) const override {
    std::vector<Choice> choices;
    for (size_t i = 0; i < targets.size(); ++i) choices.push_back({choose_one(targets[i], m, i)});
    return choices;
  }

 private:
  Mask choose_one(const Target& t, const Moment& m, size_t i) const {
    const Groups groups = groups_.of(t.w->shape());
    std::vector<std::vector<double>> criteria;
    Votes votes;
    for (size_t c = 0; c < votes_.size(); ++c) {
      if (votes_[c] == 0) continue;
      criteria.push_back(scores(t, groups, c));
      votes.push_back(votes_[c]);
    }
    std::vector<double> sums = hybrid_scores(criteria, votes);
    rank_pruned_last(sums, t.mask, groups);
    const RankOptions options = at(rank_, m, i);
    return groups.mask(keep_highest(with_noise(sums, options), pruned_count(groups.count(), level_.at(m), options)));
  }

  static std::vector<double> scores(const Target& t, const Groups& groups, size_t criterion) {
    switch (criterion) {
      case 0:
        return group_norms(*t.w, groups, Norm::mean_l1);
      case 1:
        return group_norms(*t.w, groups, Norm::mean_l2);
      case 2:
        return gradient_scores(*t.w, *t.gradient, groups);
      default:
        return activity(t, groups, criterion == 3);
    }
  }
  static std::vector<double> activity(const Target& t, const Groups& groups, bool zeros) {
    const std::vector<double>* seen = zeros ? t.zeros : t.means;
    if (seen == nullptr || std::ssize(*seen) != groups.count())
      throw ArgumentError("schedule: no activation was seen behind " + t.name);
    std::vector<double> scores = *seen;
    for (double& s : scores) s = zeros ? 1 - s : s;
    return scores;
  }

  Votes votes_;
  GroupSetting groups_;
  LevelSetting level_;
  RankOptions rank_;
};

std::shared_ptr<const PruningMethod> hybrid(Fields& f, bool gradual) {
  const GroupSetting groups = GroupSetting::from(f);
  Fields table(f.node("criteria"), f.file(), f.what() + ": criteria");
  Votes votes;
  for (const std::string& c : kCriteria) votes.push_back(table.find(c) == nullptr ? 0 : table.number_within(c, 0, 1e6));
  table.finish();
  if (votes == Votes(kCriteria.size(), 0)) f.refuse("criteria", "gives no criterion a weight above 0");
  const bool filters = groups.type == GroupType::filter && groups.filters == 0 && groups.tile_rows == 0;
  if ((votes[3] > 0 || votes[4] > 0) && !filters)
    f.refuse("group_type", "must be Filters: activations are measured by filter");
  const RankOptions rank = rank_options_from(f);
  const LevelSetting level = LevelSetting::from(f, gradual);
  return std::make_shared<HybridMethod>(selectors_from(f, "weights"), std::move(votes), groups, level, rank);
}

/// Round by round each layer is tried with one step more pruned, and the one that hurts least loses it, until the
/// network does at most the budget's share of its multiply-adds.
class GreedyMethod : public PruningMethod {
 public:
  GreedyMethod(std::vector<Selector> who, const GroupSetting& groups, double macs, double step)
      : PruningMethod(std::move(who)), groups_(groups), macs_(macs), step_(step) {}

  Needs needs() const override { return Needs::judge; }
  void check(const std::string&, const Shape& shape) const override { groups_.of(shape); }
  std::vector<Choice> choose(std::span<Target> targets, const Moment& m) const override {
    double total = 0;
    for (const auto& [name, macs] : m.dense_macs) total += macs;
    GreedyProblem problem;
    for (const Target& t : targets) problem.start.push_back(t.mask != nullptr ? *t.mask : Mask(t.w->shape()));
    problem.next = [&](size_t layer, const std::vector<Mask>& state) { return next(targets[layer], state[layer]); };
    problem.cost = [&](const std::vector<Mask>& state) {
      double cost = total;
      for (size_t i = 0; i < state.size(); ++i) cost -= macs_of(m, targets[i].name) * state[i].sparsity();
      return cost;
    };
    problem.score = m.score;
    std::vector<Choice> choices;
    for (Mask& mask : prune_greedily(problem, (1 - (1 - macs_) * m.way) * total).masks)
      choices.push_back({std::move(mask)});
    return choices;
  }

 private:
  static double macs_of(const Moment& m, const std::string& name) {
    const auto found = m.dense_macs.find(name);
    if (found == m.dense_macs.end()) throw ArgumentError("greedy pruning: nobody counts the multiply-adds of " + name);
    return found->second;
  }
  /// At least one group more than now, the smallest by mean L1; the last one stays.
  Mask next(const Target& t, const Mask& now) const {
    const Groups groups = groups_.of(t.w->shape());
    const double count = static_cast<double>(groups.count());
    const double pruned = std::round(now.sparsity() * count);
    const double wanted = std::min(std::max(pruned + 1, std::floor(pruned + step_ * count)), count - 1);
    if (wanted <= pruned) return now;
    Tensor w = t.w->clone();
    zero_pruned(now, w);  // what is pruned ranks lowest
    return prune_ranked_by_norm(w, groups, Norm::mean_l1, wanted / count);
  }

  GroupSetting groups_;
  double macs_, step_;
};

}  // namespace

std::shared_ptr<const PruningMethod> hybrid_ranked_method(Fields& f) { return hybrid(f, false); }
std::shared_ptr<const PruningMethod> hybrid_ranked_gradual_method(Fields& f) { return hybrid(f, true); }

std::shared_ptr<const PruningMethod> greedy_method(Fields& f) {
  const GroupSetting groups = f.has("group_type") ? GroupSetting::from(f) : GroupSetting{GroupType::filter};
  const double macs = f.number_within("macs", 0, 1);
  const double step = f.find("step") == nullptr ? 0.1 : f.number_within("step", 0.001, 1);
  return std::make_shared<GreedyMethod>(selectors_from(f, "weights"), groups, macs, step);
}

}  // namespace pith::compress
