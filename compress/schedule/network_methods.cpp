#include <algorithm>

#include "compress/pruners/global.h"
#include "compress/pruners/random.h"
#include "compress/pruners/regrowth.h"
#include "compress/pruners/saliency.h"
#include "compress/schedule/pruning_methods.h"
#include "compress/schedule/settings.h"
#include "compress/statistics.h"

namespace pith::compress {
namespace {

std::vector<Choice> choices_of(std::vector<Mask> masks) {
  std::vector<Choice> choices;
  for (Mask& m : masks) choices.push_back({std::move(m)});
  return choices;
}

/// All targets in one ranking.
class GlobalMethod : public PruningMethod {
 public:
  enum class Criterion : uint8_t { magnitude, lamp, snip, grasp };
  GlobalMethod(std::vector<Selector> who, Criterion criterion, const GroupSetting& groups, const LevelSetting& level)
      : PruningMethod(std::move(who)), criterion_(criterion), groups_(groups), level_(level) {}

  Needs needs() const override {
    if (criterion_ == Criterion::grasp) return Needs::curvature;
    return criterion_ == Criterion::snip ? Needs::gradient : Needs::weights;
  }
  void check(const std::string&, const Shape& shape) const override { groups_.of(shape); }
  std::vector<Choice> choose(std::span<Target> targets, const Moment& m) const override {
    std::vector<Contestant> contestants;
    for (const Target& t : targets) {
      const Groups groups = groups_.of(t.w->shape());
      contestants.push_back({groups, scores(t, groups)});
    }
    return choices_of(prune_globally(contestants, level_.at(m)));
  }

 private:
  /// Means over each group, so that groups of different sizes compare.
  std::vector<double> scores(const Target& t, const Groups& groups) const {
    if (criterion_ == Criterion::magnitude) return group_norms(*t.w, groups, Norm::mean_l1);
    const auto of_weights = [&] {
      if (criterion_ == Criterion::lamp) return lamp_scores(*t.w);
      return criterion_ == Criterion::snip ? snip_scores(*t.w, *t.gradient) : grasp_scores(*t.w, *t.curvature);
    };
    std::vector<double> s = group_sums(of_weights(), groups);
    for (double& v : s) v /= static_cast<double>(groups.size());
    return s;
  }

  Criterion criterion_;
  GroupSetting groups_;
  LevelSetting level_;
};

/// Movement scores gather over the steps of the policy; the weights with the lowest go, in one ranking of all targets.
class MovementMethod : public PruningMethod {
 public:
  MovementMethod(std::vector<Selector> who, const LevelSetting& level) : PruningMethod(std::move(who)), level_(level) {}

  Needs needs() const override { return Needs::gradient; }
  bool gathers() const override { return true; }
  void gather(Target& t) const override { add_movement(scores(t), *t.w, *t.gradient); }
  std::vector<Choice> choose(std::span<Target> targets, const Moment& m) const override {
    std::vector<Contestant> contestants;
    for (Target& t : targets) contestants.push_back({Groups(t.w->shape(), GroupType::element), scores(t)});
    return choices_of(prune_globally(contestants, level_.at(m)));
  }

 private:
  static std::vector<double>& scores(Target& t) {
    std::vector<double>& s = (*t.memory)["movement"];
    if (s.empty()) s.assign(static_cast<size_t>(t.w->numel()), 0);
    return s;
  }
  LevelSetting level_;
};

/// Masks that do not look at the weights at first: how dense each layer is, and random positions within. Masks that
/// move may become sparser on the way (GraNet): each layer by its allocation, or all of them in one ranking.
class ScratchMethod : public PruningMethod {
 public:
  enum class Growth : uint8_t { none, random, gradient };
  enum class Ranking : uint8_t { none, magnitude, lamp };
  struct Moves {
    Growth growth = Growth::none;
    double share = 0;
    Ranking ranking = Ranking::none;
  };
  ScratchMethod(std::vector<Selector> who, const LevelSetting& level, Allocation allocation, const Moves& moves)
      : PruningMethod(std::move(who)), level_(level), allocation_(allocation), moves_(moves) {}

  Needs needs() const override { return moves_.growth == Growth::gradient ? Needs::dense_gradient : Needs::weights; }
  void check(const std::string&, const Shape& shape) const override {
    allocate_density(std::vector<Shape>{shape}, 1 - level_.last, allocation_);
  }
  std::vector<Choice> choose(std::span<Target> targets, const Moment& m) const override {
    std::vector<Shape> shapes;
    for (const Target& t : targets) shapes.push_back(t.w->shape());
    const std::vector<double> densities = allocate_density(shapes, 1 - level_.at(m), allocation_);
    const std::vector<int64_t> ranked = ranking_keeps(targets, m);
    std::vector<Choice> choices;
    for (size_t i = 0; i < targets.size(); ++i) {
      const int64_t n = shapes[i].numel();
      std::vector<double>& begun = (*targets[i].memory)["begun"];
      if (begun.empty())
        choices.push_back({prune_at_random(Groups(shapes[i], GroupType::element), 1 - densities[i], mask_key(m, i))});
      else
        choices.push_back(
            {moved(targets[i], m, i, ranked.empty() ? n - pruned_count(n, 1 - densities[i]) : ranked[i])});
      begun = {1};
    }
    return choices;
  }

 private:
  /// How many weights of each target one ranking of all of them keeps; empty without a ranking.
  std::vector<int64_t> ranking_keeps(std::span<const Target> targets, const Moment& m) const {
    std::vector<int64_t> kept;
    if (moves_.ranking == Ranking::none) return kept;
    std::vector<Contestant> contestants;
    for (const Target& t : targets) {
      const Groups each(t.w->shape(), GroupType::element);
      contestants.push_back({each, moves_.ranking == Ranking::lamp ? lamp_scores(*t.w) : magnitudes(*t.w)});
      rank_pruned_last(contestants.back().scores, t.mask, each);
    }
    for (const Mask& mask : prune_globally(contestants, level_.at(m))) kept.push_back(mask.kept());
    return kept;
  }

  Mask moved(const Target& t, const Moment& m, size_t i, int64_t keep) const {
    const Mask all(t.w->shape());
    const Mask& before = t.mask != nullptr ? *t.mask : all;
    if (moves_.growth == Growth::none) return before;
    const int64_t kept = std::min(before.kept(), keep);
    return moves_.growth == Growth::random
               ? set_update(*t.w, before, kept, moves_.share, mask_key(m, i))
               : rigl_update(*t.w, *t.gradient, before, kept, rigl_share(moves_.share, m.way));
  }

  LevelSetting level_;
  Allocation allocation_;
  Moves moves_;
};

/// ranking: magnitude or lamp. What a level that rises takes goes in one ranking of all targets; by the allocation of
/// each unless given.
ScratchMethod::Ranking ranking_from(Fields& f, const LevelSetting& level) {
  if (!f.has("ranking")) return ScratchMethod::Ranking::none;
  if (level.first == level.last || level.curve == Curve::constant)
    f.refuse("ranking", "says whose weights go while a level rises: give initial_sparsity and final_sparsity");
  return f.choice("ranking", {"magnitude", "lamp"}) == 0 ? ScratchMethod::Ranking::magnitude
                                                         : ScratchMethod::Ranking::lamp;
}

std::shared_ptr<const PruningMethod> scratch(Fields& f, ScratchMethod::Growth growth) {
  ScratchMethod::Moves moves{.growth = growth};
  if (growth == ScratchMethod::Growth::none) {
    const LevelSetting level{.last = f.share("desired_sparsity")};
    return std::make_shared<ScratchMethod>(selectors_from(f, "weights"), level, allocation_from(f), moves);
  }
  const LevelSetting level = LevelSetting::from(f, false);
  moves.share = f.find("update_fraction") == nullptr ? 0.3 : f.number_within("update_fraction", 0, 1);
  moves.ranking = ranking_from(f, level);
  return std::make_shared<ScratchMethod>(selectors_from(f, "weights"), level, allocation_from(f), moves);
}

}  // namespace

std::shared_ptr<const PruningMethod> global_method(Fields& f) {
  const auto criterion =
      static_cast<GlobalMethod::Criterion>(f.choice("criterion", {"magnitude", "lamp", "snip", "grasp"}));
  const GroupSetting groups = f.has("group_type") ? GroupSetting::from(f) : GroupSetting{};
  const LevelSetting level = LevelSetting::from(f, false);
  return std::make_shared<GlobalMethod>(selectors_from(f, "weights"), criterion, groups, level);
}

std::shared_ptr<const PruningMethod> movement_method(Fields& f) {
  const LevelSetting level = LevelSetting::from(f, false);
  return std::make_shared<MovementMethod>(selectors_from(f, "weights"), level);
}

std::shared_ptr<const PruningMethod> random_method(Fields& f) { return scratch(f, ScratchMethod::Growth::none); }
std::shared_ptr<const PruningMethod> set_method(Fields& f) { return scratch(f, ScratchMethod::Growth::random); }
std::shared_ptr<const PruningMethod> rigl_method(Fields& f) { return scratch(f, ScratchMethod::Growth::gradient); }

}  // namespace pith::compress
