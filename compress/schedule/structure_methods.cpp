#include <limits>

#include "compress/pruners/random.h"
#include "compress/pruners/ranked_activation.h"
#include "compress/pruners/ranked_gradient.h"
#include "compress/pruners/ranked_norm.h"
#include "compress/pruners/saliency.h"
#include "compress/pruners/structure_threshold.h"
#include "compress/schedule/pruning_methods.h"
#include "compress/schedule/settings.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

enum class Criterion : uint8_t { l1, l2, apoz, mean_activation, gradient, random, coin, random_level };

struct RankedSettings {
  Criterion criterion;
  GroupSetting groups;
  LevelSetting level;
  RankOptions rank;
  double low = 0, high = 0;  ///< of a random level
  bool leader = false;       ///< the first target's choice holds for all
};

/// Structures ranked by a criterion, with the level of the moment.
class RankedMethod : public PruningMethod {
 public:
  RankedMethod(std::vector<Selector> who, const RankedSettings& settings)
      : PruningMethod(std::move(who)), s_(settings) {}

  Needs needs() const override {
    if (s_.criterion == Criterion::gradient) return Needs::gradient;
    const bool looks = s_.criterion == Criterion::apoz || s_.criterion == Criterion::mean_activation;
    return looks ? Needs::activations : Needs::weights;
  }
  void check(const std::string&, const Shape& shape) const override { s_.groups.of(shape); }

  std::vector<Choice> choose(std::span<Target> targets, const Moment& m) const override {
    std::vector<Choice> choices;
    for (size_t i = 0; i < targets.size(); ++i)
      choices.push_back(s_.leader && i > 0 ? follow(targets[0], choices[0], targets[i]) : rank(targets[i], m, i));
    return choices;
  }

 private:
  Choice rank(const Target& t, const Moment& m, size_t i) const {
    const Groups groups = s_.groups.of(t.w->shape());
    const RankOptions options = at(s_.rank, m, i);
    const double level = s_.level.at(m);
    switch (s_.criterion) {
      case Criterion::l1:
        return {prune_ranked_by_norm(*t.w, groups, Norm::mean_l1, level, options)};
      case Criterion::l2:
        return {prune_ranked_by_norm(*t.w, groups, Norm::mean_l2, level, options)};
      case Criterion::apoz:
        return {prune_ranked_by_apoz(groups, measured(t, t.zeros), level, options)};
      case Criterion::mean_activation:
        return {prune_ranked_by_mean_activation(groups, measured(t, t.means), level, options)};
      case Criterion::gradient:
        return {rank_by_gradient(t, groups, level, options)};
      case Criterion::random:
        return {prune_at_random(groups, level, m.soft ? options.key : fixed(options.key))};
      case Criterion::coin: {
        BernoulliMask coin = prune_by_coin(groups, level, options.key);
        return {std::move(coin.mask), coin.scale};
      }
      case Criterion::random_level:
        return {prune_ranked_at_random_level(*t.w, groups, s_.low, s_.high, options)};
    }
    throw ArgumentError("ranking: no such criterion");
  }

  /// What is pruned already has no gradient to be ranked by: it stays pruned.
  static Mask rank_by_gradient(const Target& t, const Groups& groups, double level, const RankOptions& options) {
    if (t.mask == nullptr) return prune_ranked_by_gradient(*t.w, *t.gradient, groups, level, options);
    std::vector<double> scores = with_noise(group_sums(weight_times_gradient(*t.w, *t.gradient), groups), options);
    std::vector<uint8_t> alive(scores.size(), 0);
    for (int64_t i = 0; i < groups.shape().numel(); ++i)
      if (t.mask->keeps(i)) alive[static_cast<size_t>(groups.of(i))] = 1;
    for (size_t g = 0; g < scores.size(); ++g)
      if (alive[g] == 0) scores[g] = -std::numeric_limits<double>::infinity();
    return groups.mask(keep_highest(scores, pruned_count(groups.count(), level, options)));
  }

  /// A random choice that grows with the level instead of being drawn anew.
  static RandomKey fixed(RandomKey key) {
    key.item = 0;
    return key;
  }

  static const std::vector<double>& measured(const Target& t, const std::vector<double>* statistics) {
    if (statistics == nullptr)
      throw ArgumentError("schedule: no activation was seen behind " + t.name +
                          "; ranking by activations wants a layer with a ReLU behind it");
    return *statistics;
  }

  /// The leader's groups, imposed on another tensor with as many.
  Choice follow(const Target& leader, const Choice& choice, const Target& t) const {
    const Groups from = s_.groups.of(leader.w->shape()), to = s_.groups.of(t.w->shape());
    if (from.count() != to.count())
      throw ShapeError("schedule: " + t.name + " cannot follow its leader " + leader.name + ": it has " +
                       std::to_string(to.count()) + " groups, the leader " + std::to_string(from.count()));
    std::vector<uint8_t> keep(static_cast<size_t>(from.count()), 0);
    for (int64_t i = 0; i < from.shape().numel(); ++i)
      if (choice.mask.keeps(i)) keep[static_cast<size_t>(from.of(i))] = 1;
    return {to.mask(keep), choice.scale};
  }

  RankedSettings s_;
};

/// group_dependency: Leader, or nothing.
bool leader_from(Fields& f) {
  if (f.find("group_dependency") == nullptr || f.find("group_dependency")->kind == YamlNode::Kind::null) return false;
  f.choice("group_dependency", {"Leader"});
  return true;
}

bool is_filter(const GroupSetting& g) { return g.type == GroupType::filter && g.filters == 0 && g.tile_rows == 0; }

std::shared_ptr<const PruningMethod> ranked(Fields& f, Criterion criterion, bool gradual) {
  RankedSettings s{criterion, GroupSetting::from(f), {}, rank_options_from(f)};
  if (criterion == Criterion::random_level) {
    const std::vector<double> range = f.numbers("sparsity_range");
    if (range.size() != 2 || !(range[0] >= 0 && range[0] <= range[1] && range[1] < 1))
      f.refuse("sparsity_range", "must be [low, high] with 0 <= low <= high < 1");
    s.low = range[0];
    s.high = range[1];
  } else {
    s.level = LevelSetting::from(f, gradual);
  }
  const bool looks = criterion == Criterion::apoz || criterion == Criterion::mean_activation;
  if (looks && !is_filter(s.groups)) f.refuse("group_type", "must be Filters: activations are measured by filter");
  s.leader = leader_from(f);
  return std::make_shared<RankedMethod>(selectors_from(f, "weights"), s);
}

/// Threshold and group of one row of reg_regims.
struct Regime {
  double threshold;
  GroupType type;
};

class StructureThresholdMethod : public PruningMethod {
 public:
  StructureThresholdMethod(std::vector<Selector> who, std::vector<Regime> regimes, Norm norm)
      : PruningMethod(std::move(who)), regimes_(std::move(regimes)), norm_(norm) {}

  void check(const std::string& name, const Shape& shape) const override {
    Groups(shape, regimes_.at(rule_of(name, shape)).type);
  }
  std::vector<Choice> choose(std::span<Target> targets, const Moment&) const override {
    std::vector<Choice> choices;
    for (const Target& t : targets) {
      const Regime& r = regimes_.at(rule_of(t.name, t.w->shape()));
      choices.push_back({prune_groups_below(*t.w, Groups(t.w->shape(), r.type), norm_, r.threshold)});
    }
    return choices;
  }

 private:
  std::vector<Regime> regimes_;
  Norm norm_;
};

}  // namespace

std::shared_ptr<const PruningMethod> structure_threshold_method(Fields& f) {
  Table table = table_from(f, "reg_regims");
  std::vector<Regime> regimes;
  for (const YamlNode* node : table.values) {
    const bool pair = node->kind == YamlNode::Kind::list && node->items.size() == 2;
    if (!pair) Place{f.file(), node->line}.refuse(f.what() + ": a row of reg_regims must be [threshold, group]");
    const double threshold = f.number_of(node->items[0], "reg_regims");
    if (threshold < 0) Place{f.file(), node->line}.refuse(f.what() + ": a threshold is below 0");
    YamlNode wrapped;
    wrapped.kind = YamlNode::Kind::map;
    wrapped.line = node->line;
    wrapped.keys = {"group_type"};
    wrapped.key_lines = {node->line};
    wrapped.items = {node->items[1]};
    Fields group(wrapped, f.file(), f.what());
    regimes.push_back({threshold, GroupSetting::from(group).type});
  }
  const Norm norm = f.has("threshold_criteria") ? norm_from(f, "threshold_criteria") : Norm::mean_l1;
  return std::make_shared<StructureThresholdMethod>(std::move(table.selectors), std::move(regimes), norm);
}

std::shared_ptr<const PruningMethod> l1_ranked_method(Fields& f) { return ranked(f, Criterion::l1, false); }
std::shared_ptr<const PruningMethod> l1_ranked_gradual_method(Fields& f) { return ranked(f, Criterion::l1, true); }
std::shared_ptr<const PruningMethod> l2_ranked_method(Fields& f) { return ranked(f, Criterion::l2, false); }
std::shared_ptr<const PruningMethod> l2_ranked_gradual_method(Fields& f) { return ranked(f, Criterion::l2, true); }
std::shared_ptr<const PruningMethod> apoz_ranked_method(Fields& f) { return ranked(f, Criterion::apoz, false); }
std::shared_ptr<const PruningMethod> apoz_ranked_gradual_method(Fields& f) { return ranked(f, Criterion::apoz, true); }
std::shared_ptr<const PruningMethod> mean_ranked_method(Fields& f) {
  return ranked(f, Criterion::mean_activation, false);
}
std::shared_ptr<const PruningMethod> mean_ranked_gradual_method(Fields& f) {
  return ranked(f, Criterion::mean_activation, true);
}
std::shared_ptr<const PruningMethod> gradient_ranked_method(Fields& f) { return ranked(f, Criterion::gradient, false); }
std::shared_ptr<const PruningMethod> gradient_ranked_gradual_method(Fields& f) {
  return ranked(f, Criterion::gradient, true);
}
std::shared_ptr<const PruningMethod> random_ranked_method(Fields& f) { return ranked(f, Criterion::random, false); }
std::shared_ptr<const PruningMethod> random_ranked_gradual_method(Fields& f) {
  return ranked(f, Criterion::random, true);
}
std::shared_ptr<const PruningMethod> bernoulli_method(Fields& f) { return ranked(f, Criterion::coin, false); }
std::shared_ptr<const PruningMethod> bernoulli_gradual_method(Fields& f) { return ranked(f, Criterion::coin, true); }
std::shared_ptr<const PruningMethod> random_level_method(Fields& f) {
  return ranked(f, Criterion::random_level, false);
}

}  // namespace pith::compress
