#include "nn/optim/slots.h"

#include <cmath>

#include "tensor/error.h"

namespace pith::nn {

std::vector<Slot> make_slots(Module& model, size_t count) {
  std::vector<Slot> slots;
  model.visit_parameters([&](const std::string& name, Parameter& p) {
    Slot slot{name, &p, {}, nullptr};
    for (size_t i = 0; i < count; ++i) slot.state.push_back(Tensor::zeros(p.shape(), p.value().dtype()));
    slots.push_back(std::move(slot));
  });
  return slots;
}

void for_each_gradient(std::vector<Slot>& slots, double rate,
                       const std::function<void(Slot&, const Tensor&, std::span<const uint64_t>)>& step) {
  if (!(rate > 0) || !std::isfinite(rate))
    throw NumericError("optimizer: the learning rate " + std::to_string(rate) + " is not above 0 and finite");
  for (Slot& slot : slots) {
    const std::shared_ptr<const Mask>& mask = slot.parameter->mask();
    if (mask && mask != slot.mask)
      for (Tensor& t : slot.state) zero_pruned(*mask, t);
    slot.mask = mask;
    const Tensor& gradient = slot.parameter->gradient();
    if (!gradient.defined()) continue;
    step(slot, gradient.contiguous(), mask ? mask->words() : std::span<const uint64_t>{});
  }
}

}  // namespace pith::nn
