// Channels pruned by reconstruction: a mask, and new weights for what is kept.
#include "compress/pruners/feature_map_reconstruction.h"
#include "compress/schedule/layer_samples.h"
#include "compress/schedule/pruning_methods.h"
#include "compress/schedule/settings.h"

namespace pith::compress {
namespace {

class ReconstructionMethod : public PruningMethod {
 public:
  ReconstructionMethod(std::vector<Selector> who, const LevelSetting& level, const RankOptions& rank)
      : PruningMethod(std::move(who)), level_(level), rank_(rank) {}

  Needs needs() const override { return Needs::samples; }
  void check(const std::string&, const Shape& shape) const override { Groups(shape, GroupType::channel); }
  std::vector<Choice> choose(std::span<Target> targets, const Moment& m) const override {
    std::vector<Choice> choices;
    for (size_t i = 0; i < targets.size(); ++i) {
      const Target& t = targets[i];
      Reconstruction r =
          reconstruct_channels(*t.w, t.samples->inputs, t.samples->outputs, level_.at(m), at(rank_, m, i));
      choices.push_back({std::move(r.mask), 1, std::move(r.weights)});
    }
    return choices;
  }

 private:
  LevelSetting level_;
  RankOptions rank_;
};

std::shared_ptr<const PruningMethod> reconstruction(Fields& f, bool gradual) {
  if (f.find("group_type") != nullptr) f.choice("group_type", {"Channels"});
  RankOptions rank = rank_options_from(f);
  if (f.find("ranking_noise") != nullptr) rank.noise = f.number_within("ranking_noise", 0, 1);
  const LevelSetting level = LevelSetting::from(f, gradual);
  return std::make_shared<ReconstructionMethod>(selectors_from(f, "weights"), level, rank);
}

}  // namespace

std::shared_ptr<const PruningMethod> reconstruction_method(Fields& f) { return reconstruction(f, false); }
std::shared_ptr<const PruningMethod> reconstruction_gradual_method(Fields& f) { return reconstruction(f, true); }

}  // namespace pith::compress
