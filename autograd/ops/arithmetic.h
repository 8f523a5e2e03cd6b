// Arithmetic with broadcasting, and sums. All operands f32 or all f64; any order of memory (lanes stay lanes where both
// operands have one shape).
#pragma once

#include "autograd/variable.h"

namespace pith {

/// Element by element; shapes broadcast (NumPy). Gradients are summed back to each operand's shape.
Variable add(const Variable& a, const Variable& b);
Variable sub(const Variable& a, const Variable& b);
Variable mul(const Variable& a, const Variable& b);
Variable div(const Variable& a, const Variable& b);
/// x * factor + term.
Variable affine(const Variable& x, double factor, double term = 0);
/// x to the power p, |x|, e^x, ln x, element by element. d|x|/dx at 0 is 0.
Variable power(const Variable& x, double p);
Variable abs(const Variable& x);
Variable exp(const Variable& x);
Variable log(const Variable& x);
/// Sum and mean of all elements: shape [].
Variable sum(const Variable& x);
Variable mean(const Variable& x);
/// Sum along one axis, which stays with extent 1 if `keep`.
Variable sum(const Variable& x, int axis, bool keep);

}  // namespace pith
