#include "autograd/ops/shape.h"

#include "tensor/error.h"
#include "tensor/ops/rearrange.h"

namespace pith {

Variable reshape(const Variable& x, const Shape& shape) {
  return record("reshape", to_plain(x.value()).view(shape), {x}, [from = x.shape()](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return to_plain(dy).view(from); });
  });
}

Variable flatten(const Variable& x) {
  return record("flatten", ops::flatten(x.value()), {x}, [from = x.shape()](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return ops::flatten_gradient(dy, from); });
  });
}

Variable transpose(const Variable& x, int a, int b) {
  return record("transpose", to_plain(x.value()).transpose(a, b), {x}, [a, b](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return to_plain(dy).transpose(a, b); });
  });
}

Variable concat(const std::vector<Variable>& xs, int axis) {
  if (xs.empty()) throw ShapeError("concat: there is nothing to join");
  const int a = checked_axis(axis, xs[0].shape().rank(), "concat");
  std::vector<Tensor> values;
  std::vector<int64_t> starts{0};
  for (const Variable& x : xs) values.push_back(x.value());
  Tensor y = ops::concat(values, a);
  for (const Tensor& v : values) starts.push_back(starts.back() + v.shape()[a]);
  return record("concat", std::move(y), xs, [a, starts](const Tensor& dy, Gradients& into) {
    for (size_t i = 0; i + 1 < starts.size(); ++i)
      into.add(i, [&] { return ops::narrow(dy, a, starts[i], starts[i + 1] - starts[i]); });
  });
}

Variable narrow(const Variable& x, int axis, int64_t start, int64_t length) {
  const int a = checked_axis(axis, x.shape().rank(), "narrow");
  return record("narrow", ops::narrow(x.value(), a, start, length), {x},
                [a, start, from = x.shape()](const Tensor& dy, Gradients& into) {
                  into.add(0, [&] { return ops::narrow_gradient(dy, from, a, start); });
                });
}

Variable subsample_pad(const Variable& x, int64_t stride, int64_t channels) {
  return record("subsample_pad", ops::subsample_pad(x.value(), stride, channels), {x},
                [stride, from = x.shape()](const Tensor& dy, Gradients& into) {
                  into.add(0, [&] { return ops::subsample_pad_gradient(dy, from, stride); });
                });
}

}  // namespace pith
