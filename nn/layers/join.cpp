#include "nn/layers/join.h"

#include "autograd/ops/arithmetic.h"
#include "autograd/ops/shape.h"
#include "tensor/error.h"

namespace pith::nn {

Variable EltwiseAdd::call(const Variable& a, const Variable& b) {
  return run(a, [&] { return add(a, b); });
}

Variable EltwiseAdd::forward(const Variable&) { throw Error("eltwise add: needs two inputs; call it with both"); }

Variable Concat::call(const std::vector<Variable>& xs) {
  if (xs.empty()) throw ShapeError("concat: there is nothing to join");
  return run(xs.front(), [&] { return concat(xs, 1); });
}

}  // namespace pith::nn
