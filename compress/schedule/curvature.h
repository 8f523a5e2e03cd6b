// The Hessian times the gradient, from the difference of two gradients of one minibatch.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "compress/schedule/policy.h"

namespace pith::compress {

/// H g of these parameters together, one tensor each: the gradient is taken again at w + step g, with a step that moves
/// the weights by a thousandth of their norm. Weights and every gradient of the model are as before afterwards.
/// recompute: Doors::recompute. Throws ArgumentError where a parameter has no gradient.
std::vector<Tensor> curvature_of(std::span<const Bound> parameters, nn::Module& model,
                                 const std::function<void()>& recompute);

}  // namespace pith::compress
