// Sum of gradients: the one operation that autograd itself needs.
#pragma once

#include "tensor/tensor.h"

namespace pith::ops {

/// into += g, for equal shapes and types (f32 or f64), in into's order of memory. Overwrites into's bytes if it is
/// their only owner, and moves to new ones otherwise, so no other handle sees a change.
void accumulate(Tensor& into, const Tensor& g);

}  // namespace pith::ops
