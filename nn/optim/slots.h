// Slots: what an optimizer keeps for each parameter, and the part of a step that every optimizer shares.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nn/module.h"

namespace pith::nn {

/// One parameter and its state tensors (velocity, moments), of its shape and type.
struct Slot {
  std::string name;
  Parameter* parameter = nullptr;
  std::vector<Tensor> state;
  std::shared_ptr<const Mask> mask;  ///< that the state was last cleared for
};

/// One slot for each parameter of the model, with `count` zero tensors each. The model outlives the slots.
std::vector<Slot> make_slots(Module& model, size_t count);

/// Calls step(slot, gradient, keep-bits) for each slot whose parameter has a gradient. When a parameter has got a new
/// mask, its state is first set to 0 wherever that mask prunes: a weight released later starts without old momentum.
/// Throws NumericError unless rate > 0 and finite.
void for_each_gradient(std::vector<Slot>& slots, double rate,
                       const std::function<void(Slot&, const Tensor&, std::span<const uint64_t>)>& step);

}  // namespace pith::nn
