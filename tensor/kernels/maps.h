// Which function of one or two numbers a kernel applies: shared by the kernels and by what calls them.
#pragma once

#include <stdint.h>

namespace pith {

/// y = f(a, b).
enum class BinaryKind : int32_t { add, sub, mul, div };

/// y = f(x), with up to two parameters p and q:
///   relu max(x, 0) | clip min(max(x, 0), p) | leaky x > 0 ? x : p x | sigmoid | tanh | affine p x + q | abs | exp |
///   log | power x^p. The last two have no kernel.
enum class MapKind : int32_t { relu, clip, leaky, sigmoid, tanh, affine, abs, exp, log, power };

}  // namespace pith
