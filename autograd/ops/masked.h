// A weight under a mask: the same values, and no gradient where the mask prunes.
#pragma once

#include <memory>

#include "autograd/variable.h"
#include "tensor/formats/mask.h"

namespace pith {

/// w itself, already exactly 0 where `keep` prunes (the caller's promise); the gradient that reaches w is 0 there.
/// w: f32 or f64, the mask's shape; throws ShapeError otherwise.
Variable masked(const Variable& w, std::shared_ptr<const Mask> keep);

/// w . M, the operand of a dense product of either type: f32 weights are 0 where pruned already (masked), f64 ones need
/// not be (gradient checks).
Variable masked_operand(const Variable& w, const std::shared_ptr<const Mask>& keep);

}  // namespace pith
