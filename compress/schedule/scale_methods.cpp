// Filters ranked by the scale that batch normalisation gives them (network slimming; Liu et al. 2017), in one ranking
// of all layers.
#include <cmath>

#include "compress/pruners/global.h"
#include "compress/schedule/pruning_methods.h"
#include "compress/schedule/settings.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

/// What to put for what in a convolution's name to get its batch norm's: "conv" -> "bn".
struct Renaming {
  std::string from, to;
};

class ScaleRankedMethod : public PruningMethod {
 public:
  ScaleRankedMethod(std::vector<Selector> who, std::vector<Renaming> renamings, const LevelSetting& level)
      : PruningMethod(std::move(who)), renamings_(std::move(renamings)), level_(level) {}

  void check(const std::string&, const Shape& shape) const override { Groups(shape, GroupType::filter); }
  std::string companion_of(const std::string& name) const override {
    for (const Renaming& r : renamings_) {
      const size_t at = name.rfind(r.from);
      if (at != std::string::npos) return name.substr(0, at) + r.to + name.substr(at + r.from.size());
    }
    throw ArgumentError("no rule of scales speaks of " + name);
  }
  std::vector<Choice> choose(std::span<Target> targets, const Moment& m) const override {
    std::vector<Contestant> contestants;
    for (const Target& t : targets) contestants.push_back({Groups(t.w->shape(), GroupType::filter), scores(t)});
    std::vector<Choice> choices;
    for (Mask& mask : prune_globally(contestants, level_.at(m))) choices.push_back({std::move(mask)});
    return choices;
  }

 private:
  /// |gamma|; what is pruned already ranks lowest, whatever its scale did since.
  static std::vector<double> scores(const Target& t) {
    std::vector<double> scores = t.companion->to_vector<double>();
    const Groups groups(t.w->shape(), GroupType::filter);
    for (size_t f = 0; f < scores.size(); ++f) {
      const bool gone = t.mask != nullptr && !t.mask->keeps(static_cast<int64_t>(f) * groups.size());
      scores[f] = gone ? -1 : std::abs(scores[f]);
    }
    return scores;
  }

  std::vector<Renaming> renamings_;
  LevelSetting level_;
};

std::shared_ptr<const PruningMethod> scale_ranked(Fields& f, bool gradual) {
  const YamlNode& table = f.node("scales");
  if (table.kind != YamlNode::Kind::map || table.items.empty())
    f.refuse("scales", "must say what to put for what: {conv: bn}, here is " + table.kind_name());
  std::vector<Renaming> renamings;
  for (size_t i = 0; i < table.keys.size(); ++i)
    renamings.push_back({table.keys[i], f.text_of(table.items[i], "scales")});
  const LevelSetting level = LevelSetting::from(f, gradual);
  return std::make_shared<ScaleRankedMethod>(selectors_from(f, "weights"), std::move(renamings), level);
}

}  // namespace

std::shared_ptr<const PruningMethod> scale_ranked_method(Fields& f) { return scale_ranked(f, false); }
std::shared_ptr<const PruningMethod> scale_ranked_gradual_method(Fields& f) { return scale_ranked(f, true); }

}  // namespace pith::compress
