#include <string>
#include <utility>

#include "nn/optim/optimizer.h"
#include "nn/optim/slots.h"
#include "tensor/error.h"
#include "tensor/ops/update.h"

namespace pith::nn {
namespace {

class Sgd : public Optimizer {
 public:
  Sgd(Module& model, const SgdOptions& options)
      : options_(options), slots_(make_slots(model, options.momentum == 0 ? 0 : 1)) {}

  std::string name() const override { return "sgd"; }

  void step(double rate) override {
    ops::SgdStep s{.rate = rate,
                   .momentum = options_.momentum,
                   .dampening = options_.dampening,
                   .weight_decay = 0,
                   .nesterov = options_.nesterov,
                   .first = steps_ == 0};
    for_each_gradient(slots_, rate, [&](Slot& slot, const Tensor& gradient, std::span<const uint64_t> keep) {
      Tensor none;
      s.weight_decay = slot.parameter->decays ? options_.weight_decay : 0;
      ops::sgd_update(slot.parameter->mutable_value(), gradient, slot.state.empty() ? none : slot.state[0], keep, s);
    });
    ++steps_;
  }

  void visit_state(const std::function<void(const std::string& name, Tensor& state)>& visit) override {
    for (Slot& slot : slots_)
      for (Tensor& velocity : slot.state) visit(slot.name + ".momentum", velocity);
  }
  int64_t steps() const override { return steps_; }
  void set_steps(int64_t steps) override { steps_ = steps; }

 private:
  SgdOptions options_;
  std::vector<Slot> slots_;
  int64_t steps_ = 0;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(Module& model, const SgdOptions& o) {
  if (!(o.momentum >= 0 && o.momentum < 1))
    throw ArgumentError("sgd: the momentum " + std::to_string(o.momentum) + " is not in [0, 1)");
  if (!(o.weight_decay >= 0 && o.weight_decay < 1e6))
    throw ArgumentError("sgd: the weight decay " + std::to_string(o.weight_decay) + " is not 0 or above and finite");
  if (o.nesterov && (o.momentum == 0 || o.dampening != 0))
    throw ArgumentError("sgd: Nesterov's step needs a momentum above 0 and no dampening");
  return std::make_unique<Sgd>(model, o);
}

}  // namespace pith::nn
