// Gradient clipping by norm (Pascanu et al. 2013).
#pragma once

#include "nn/module.h"

namespace pith::nn {

/// Scales all gradients at and below `model` so that their common Euclidean norm is at most `limit`; returns the norm
/// before. limit > 0. Throws ArgumentError for another limit, NumericError for a norm that is not finite.
double clip_gradient_norm(Module& model, double limit);

}  // namespace pith::nn
