#include <algorithm>

#include "compress/pruners/global.h"
#include "compress/pruners/random.h"
#include "compress/pruners/regrowth.h"
#include "compress/pruners/saliency.h"
#include "compress/schedule/pruning_methods.h"
#include "compress/schedule/settings.h"

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
/// move may become sparser on the way (GraNet).
class ScratchMethod : public PruningMethod {
 public:
  enum class Growth : uint8_t { none, random, gradient };
  ScratchMethod(std::vector<Selector> who, const LevelSetting& level, Allocation allocation, Growth growth,
                double share)
      : PruningMethod(std::move(who)), level_(level), allocation_(allocation), growth_(growth), share_(share) {}

  Needs needs() const override { return growth_ == Growth::gradient ? Needs::dense_gradient : Needs::weights; }
  void check(const std::string&, const Shape& shape) const override {
    allocate_density(std::vector<Shape>{shape}, 1 - level_.last, allocation_);
  }
  std::vector<Choice> choose(std::span<Target> targets, const Moment& m) const override {
    std::vector<Shape> shapes;
    for (const Target& t : targets) shapes.push_back(t.w->shape());
    const std::vector<double> densities = allocate_density(shapes, 1 - level_.at(m), allocation_);
    std::vector<Choice> choices;
    for (size_t i = 0; i < targets.size(); ++i) {
      Target& t = targets[i];
      std::vector<double>& begun = (*t.memory)["begun"];
      choices.push_back({begun.empty()
                             ? prune_at_random(Groups(shapes[i], GroupType::element), 1 - densities[i], mask_key(m, i))
                             : moved(t, m, i, densities[i])});
      begun = {1};
    }
    return choices;
  }

 private:
  Mask moved(const Target& t, const Moment& m, size_t i, double density) const {
    const Mask all(t.w->shape());
    const Mask& before = t.mask != nullptr ? *t.mask : all;
    if (growth_ == Growth::none) return before;
    const int64_t kept = std::min(before.kept(), before.numel() - pruned_count(before.numel(), 1 - density));
    return growth_ == Growth::random ? set_update(*t.w, before, kept, share_, mask_key(m, i))
                                     : rigl_update(*t.w, *t.gradient, before, kept, rigl_share(share_, m.way));
  }

  LevelSetting level_;
  Allocation allocation_;
  Growth growth_;
  double share_;
};

std::shared_ptr<const PruningMethod> scratch(Fields& f, ScratchMethod::Growth growth) {
  const bool moves = growth != ScratchMethod::Growth::none;
  const LevelSetting level = moves ? LevelSetting::from(f, false) : LevelSetting{.last = f.share("desired_sparsity")};
  const Allocation allocation = allocation_from(f);
  double share = 0;
  if (moves) share = f.find("update_fraction") == nullptr ? 0.3 : f.number_within("update_fraction", 0, 1);
  return std::make_shared<ScratchMethod>(selectors_from(f, "weights"), level, allocation, growth, share);
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
