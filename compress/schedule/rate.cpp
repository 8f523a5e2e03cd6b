// The schedule's learning-rate policy, its clock moved to its own beginning.
#include <algorithm>

#include "compress/schedule/scheduler.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

/// Another policy from epoch `start` on: before, its first rate; from `end` on, its last.
class ShiftedRate : public nn::RatePolicy {
 public:
  ShiftedRate(std::unique_ptr<nn::RatePolicy> inner, const Timing& timing)
      : inner_(std::move(inner)), timing_(timing) {}

  double at(const nn::Clock& clock) const override {
    nn::Clock inner = clock;
    inner.epoch = std::max<int64_t>(clock.epoch - timing_.start(), 0);
    if (clock.epoch < timing_.start()) inner.step = 0;
    if (clock.epoch >= timing_.end()) {
      inner.epoch = timing_.end() - 1 - timing_.start();
      inner.step = clock.steps_per_epoch - 1;
    }
    return inner_->at(inner);
  }
  void after_epoch(double loss) override { inner_->after_epoch(loss); }
  std::vector<double> state() const override { return inner_->state(); }
  void set_state(const std::vector<double>& state) override { inner_->set_state(state); }

 private:
  std::unique_ptr<nn::RatePolicy> inner_;
  Timing timing_;
};

}  // namespace

std::unique_ptr<nn::RatePolicy> make_rate_policy(const Schedule& schedule, double rate, int64_t epochs) {
  for (const PolicySpec& spec : schedule.policies) {
    const auto* use = std::get_if<RateUse>(&spec.what);
    if (use == nullptr) continue;
    try {
      return std::make_unique<ShiftedRate>(
          nn::make_rate_policy(use->line, rate, use->length > 0 ? use->length : epochs), spec.timing);
    } catch (const ArgumentError& e) {
      spec.place.refuse("'" + spec.instance + "': " + e.what());
    }
  }
  return nullptr;
}

}  // namespace pith::compress
