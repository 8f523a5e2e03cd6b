// Doors: what the scheduler cannot do itself, because it knows neither data nor autograd. A program that trains gives
// them where it can; a schedule that needs one that is shut is refused at its line, before anything is trained.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "tensor/shape.h"

namespace pith::compress {

struct Doors {
  /// Runs forward and backward of the minibatch under way once more, with the weights as they are now; the gradients in
  /// the parameters are replaced, and nothing else of the model changes.
  std::function<void()> recompute{};
  /// How good the model is as it is now, the higher the better; the model does not change.
  std::function<double()> judge{};
  /// Multiply-adds that one weight of a parameter does for one input, by the parameter's name.
  std::map<std::string, double> macs{};
  /// One image [c, h, w] of a network whose graph may be looked at; rank 0 where there is none.
  Shape image{};
};

}  // namespace pith::compress
