#include "compress/schedule/extension_policies.h"

#include "tensor/error.h"

namespace pith::compress {

void MaskReleaser::on_epoch_begin(const Tick& tick) {
  if (!timing_.acts(tick.epoch())) return;
  for (const Bound& b : parameters_) b.parameter->set_mask(nullptr);
}

void WeightRewinder::on_epoch_begin(const Tick& tick) {
  if (tick.epoch() != rewind_to_) return;
  early_.clear();
  for (const Bound& b : parameters_) early_.push_back(b.parameter->value().clone());
}

void WeightRewinder::on_minibatch_begin(const Tick& tick) {
  if (!tick.is_first() || !timing_.acts(tick.epoch())) return;
  if (early_.empty())
    throw ArgumentError("schedule: the weights of epoch " + std::to_string(rewind_to_) +
                        " were not seen by this run, so they cannot be put back");
  for (size_t i = 0; i < early_.size(); ++i) parameters_[i].parameter->load(early_[i]);
}

void WeightRewinder::save(State& state, const std::string& prefix) const {
  for (size_t i = 0; i < early_.size(); ++i) state[prefix + parameters_[i].name + "/early"] = early_[i];
}

void WeightRewinder::load(const State& state, const std::string& prefix) {
  early_.clear();
  for (const Bound& b : parameters_) {
    const auto found = state.find(prefix + b.name + "/early");
    if (found == state.end()) continue;
    if (!(found->second.shape() == b.parameter->shape()))
      throw FormatError("schedule state: the early weights of " + b.name + " have the shape " +
                        text(found->second.shape()));
    early_.push_back(found->second);
  }
  if (!early_.empty() && early_.size() != parameters_.size())
    throw FormatError("schedule state: the early weights are not whole");
}

}  // namespace pith::compress
