#include <optional>

#include "compress/pruners/random.h"
#include "compress/pruners/ranked_activation.h"
#include "compress/pruners/ranked_gradient.h"
#include "compress/pruners/structure_threshold.h"
#include "compress/schedule/pruning_methods.h"
#include "compress/schedule/settings.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

enum class Criterion : uint8_t { l1, l2, apoz, mean_activation, gradient, random, coin, random_level };

/// Which weights choose together: none; all, by the first one's criterion (Distiller's Leader); those that the network
/// ties, by the sum of their criteria.
enum class Dependency : uint8_t { none, leader, graph };

struct RankedSettings {
  Criterion criterion;
  GroupSetting groups;
  LevelSetting level;
  RankOptions rank;
  double low = 0, high = 0;  ///< of a random level
  Dependency dependency = Dependency::none;
};

/// Structures ranked by a criterion, with the level of the moment.
class RankedMethod : public PruningMethod {
 public:
  RankedMethod(std::vector<Selector> who, const RankedSettings& settings)
      : PruningMethod(std::move(who)), s_(settings) {}

  Needs needs() const override {
    if (s_.criterion == Criterion::gradient) return Needs::gradient;
    return looks() ? Needs::activations : Needs::weights;
  }
  std::optional<GroupType> tied_by() const override {
    return s_.dependency == Dependency::graph ? std::optional(s_.groups.type) : std::nullopt;
  }
  void check(const std::string&, const Shape& shape) const override { s_.groups.of(shape); }

  std::vector<Choice> choose(std::span<Target> targets, const Moment& m) const override {
    std::vector<std::optional<Choice>> found(targets.size());
    const std::vector<TiedGroup> groups = s_.dependency == Dependency::graph ? m.ties : by_hand(targets);
    for (const TiedGroup& group : groups) {
      const UnitChoice units = rank(targets, group, m);
      for (size_t i = 0; i < group.members.size(); ++i) {
        std::vector<uint8_t> keep;
        for (const int64_t unit : group.unit_of[i]) keep.push_back(units.keep[static_cast<size_t>(unit)]);
        const size_t member = group.members[i];
        found[member] = Choice{s_.groups.of(targets[member].w->shape()).mask(keep), units.scale};
      }
    }
    std::vector<Choice> choices;
    for (std::optional<Choice>& c : found) choices.push_back(std::move(c.value()));
    return choices;
  }

 private:
  bool looks() const { return s_.criterion == Criterion::apoz || s_.criterion == Criterion::mean_activation; }

  /// Every target for itself, or all in one group.
  std::vector<TiedGroup> by_hand(std::span<const Target> targets) const {
    std::vector<TiedGroup> groups;
    for (size_t i = 0; i < targets.size(); ++i) {
      TiedGroup own = untied(i, s_.groups.of(targets[i].w->shape()).count());
      if (s_.dependency == Dependency::none || groups.empty()) {
        groups.push_back(std::move(own));
        continue;
      }
      if (own.units != groups[0].units)
        throw ShapeError("schedule: " + targets[i].name + " cannot follow its leader " + targets[0].name + ": it has " +
                         std::to_string(own.units) + " groups, the leader " + std::to_string(groups[0].units));
      groups[0].members.push_back(i);
      groups[0].unit_of.push_back(std::move(own.unit_of[0]));
    }
    return groups;
  }

  /// A flag for each unit of a tied group, and the scale of what is kept.
  struct UnitChoice {
    std::vector<uint8_t> keep;
    double scale = 1;
  };
  UnitChoice rank(std::span<const Target> targets, const TiedGroup& group, const Moment& m) const {
    const RankOptions options = at(s_.rank, m, group.members[0]);
    const Groups units({group.units, 1}, GroupType::filter);
    switch (s_.criterion) {
      case Criterion::random:
        return flags(prune_at_random(units, s_.level.at(m), m.soft ? options.key : fixed(options.key)));
      case Criterion::coin: {
        const BernoulliMask coin = prune_by_coin(units, s_.level.at(m), options.key);
        return flags(coin.mask, coin.scale);
      }
      case Criterion::random_level: {
        const double level = Random(options.key).uniform(s_.low, s_.high);
        return flags(prune_lowest(units, scores(targets, group), level, options));
      }
      default:
        return flags(prune_lowest(units, scores(targets, group), s_.level.at(m), options));
    }
  }
  static UnitChoice flags(const Mask& units, double scale = 1) {
    UnitChoice choice{{}, scale};
    for (int64_t i = 0; i < units.numel(); ++i) choice.keep.push_back(units.keeps(i));
    return choice;
  }

  /// Of every unit: the leader's, or the sum over the members. Activations are seen behind the ReLU that runs next: of
  /// two convolutions in front of one, the later one's stand for both.
  std::vector<double> scores(std::span<const Target> targets, const TiedGroup& group) const {
    std::vector<double> sums(static_cast<size_t>(group.units), 0);
    bool seen = false;
    for (size_t i = 0; i < group.members.size(); ++i) {
      if (s_.dependency == Dependency::leader && i > 0) break;
      const Target& t = targets[group.members[i]];
      if (looks() && activity(t) == nullptr) continue;
      seen = true;
      const std::vector<double> own = scores(t);
      for (size_t g = 0; g < own.size(); ++g) sums[static_cast<size_t>(group.unit_of[i][g])] += own[g];
    }
    if (!seen)
      throw ArgumentError("schedule: no activation was seen behind " + targets[group.members[0]].name +
                          "; ranking by activations wants a layer with a ReLU behind it");
    return sums;
  }

  const std::vector<double>* activity(const Target& t) const {
    return s_.criterion == Criterion::apoz ? t.zeros : t.means;
  }

  /// Of every group of one target, the lowest to go first.
  std::vector<double> scores(const Target& t) const {
    const Groups groups = s_.groups.of(t.w->shape());
    switch (s_.criterion) {
      case Criterion::l2:
        return group_norms(*t.w, groups, Norm::mean_l2);
      case Criterion::apoz:
        return apoz_scores(groups, *t.zeros);
      case Criterion::mean_activation:
        return mean_activation_scores(groups, *t.means);
      case Criterion::gradient:
        return living_gradient_scores(t, groups);
      default:
        return group_norms(*t.w, groups, Norm::mean_l1);
    }
  }

  static std::vector<double> living_gradient_scores(const Target& t, const Groups& groups) {
    std::vector<double> scores = gradient_scores(*t.w, *t.gradient, groups);
    rank_pruned_last(scores, t.mask, groups);
    return scores;
  }

  /// A random choice that grows with the level instead of being drawn anew.
  static RandomKey fixed(RandomKey key) {
    key.item = 0;
    return key;
  }

  RankedSettings s_;
};

/// group_dependency: Leader, Auto, or nothing.
Dependency dependency_from(Fields& f, const GroupSetting& groups) {
  const YamlNode* const node = f.find("group_dependency");
  if (node == nullptr || node->kind == YamlNode::Kind::null) return Dependency::none;
  if (f.choice("group_dependency", {"Leader", "Auto"}) == 0) return Dependency::leader;
  const bool whole = groups.filters == 0 && groups.tile_rows == 0;
  if (!whole || (groups.type != GroupType::filter && groups.type != GroupType::channel))
    f.refuse("group_dependency", "Auto wants group_type Filters or Channels: nothing else is tied by a network");
  return Dependency::graph;
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
  s.dependency = dependency_from(f, s.groups);
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
