// Sums of gradients: what autograd itself needs.
#pragma once

#include "tensor/tensor.h"

namespace pith::ops {

/// into += g, for equal shapes and types (f32 or f64), in into's order of memory. Overwrites into's bytes if it is
/// their only owner, and moves to new ones otherwise, so no other handle sees a change.
void accumulate(Tensor& into, const Tensor& g);

/// A gradient that came in two parts, for an operation whose own pass over dy adds them up. It names the caller's
/// handles: a copy of dy would be a second owner, and then its bytes could not be overwritten.
struct GradientParts {
  const Tensor& dy;
  const Tensor& more;  ///< of dy's shape and type; undefined where there is one part
};

/// dy + more as accumulate() adds them; dy itself where there is one part.
Tensor whole(const GradientParts& parts);

}  // namespace pith::ops
