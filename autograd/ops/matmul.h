// Matrix products. f32 or f64.
#pragma once

#include "autograd/variable.h"

namespace pith {

/// a [m, k] b [k, n] -> [m, n]; plain order.
Variable matmul(const Variable& a, const Variable& b);

/// y = x w^T + b. x [n, in] plain or lanes, w [out, in], b [out] or undefined -> [n, out] in x's order. More than two
/// axes in a plain x are treated as rows: [..., in] -> [..., out].
Variable linear(const Variable& x, const Variable& w, const Variable& b);

}  // namespace pith
