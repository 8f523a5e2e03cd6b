#include <string>
#include <utility>

#include "nn/optim/optimizer.h"
#include "nn/optim/slots.h"
#include "tensor/error.h"
#include "tensor/ops/update.h"

namespace pith::nn {
namespace {

class Adam : public Optimizer {
 public:
  Adam(Module& model, const AdamOptions& options) : options_(options), slots_(make_slots(model, 2)) {}

  std::string name() const override { return options_.decoupled ? "adamw" : "adam"; }

  void step(double rate) override {
    ops::AdamStep s{.rate = rate,
                    .beta1 = options_.beta1,
                    .beta2 = options_.beta2,
                    .epsilon = options_.epsilon,
                    .weight_decay = 0,
                    .decoupled = options_.decoupled,
                    .count = steps_ + 1};
    for_each_gradient(slots_, rate, [&](Slot& slot, const Tensor& gradient, std::span<const uint64_t> keep) {
      s.rate = rate * slot.parameter->unit;
      s.weight_decay = slot.parameter->decays ? options_.weight_decay : 0;
      ops::adam_update(slot.parameter->mutable_value(), gradient, slot.state[0], slot.state[1], keep, s);
    });
    ++steps_;
  }

  void visit_state(const std::function<void(const std::string& name, Tensor& state)>& visit) override {
    for (Slot& slot : slots_) {
      visit(slot.name + ".exp_avg", slot.state[0]);
      visit(slot.name + ".exp_avg_sq", slot.state[1]);
    }
  }
  int64_t steps() const override { return steps_; }
  void set_steps(int64_t steps) override { steps_ = steps; }

 private:
  AdamOptions options_;
  std::vector<Slot> slots_;
  int64_t steps_ = 0;
};

double checked(double value, double below, const char* what) {
  if (!(value >= 0 && value < below))
    throw ArgumentError(std::string("adam: the ") + what + " " + std::to_string(value) + " is not in [0, " +
                        std::to_string(below) + ")");
  return value;
}

}  // namespace

std::unique_ptr<Optimizer> make_adam(Module& model, const AdamOptions& o) {
  checked(o.beta1, 1, "beta1");
  checked(o.beta2, 1, "beta2");
  checked(o.epsilon, 1, "epsilon");
  checked(o.weight_decay, 1e6, "weight decay");
  return std::make_unique<Adam>(model, o);
}

}  // namespace pith::nn
