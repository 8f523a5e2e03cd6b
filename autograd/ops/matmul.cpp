#include "autograd/ops/matmul.h"

#include "tensor/error.h"
#include "tensor/ops/conv2d.h"
#include "tensor/ops/matmul.h"

namespace pith {
namespace {

/// [..., features] as rows [n, features].
Tensor rows(const Tensor& x) {
  if (x.shape().rank() == 2) return x;
  if (x.shape().rank() < 2) throw ShapeError("linear: x needs two axes or more, it is " + text(x));
  const int64_t features = x.shape()[-1];
  return to_plain(x).view(Shape{features == 0 ? 0 : x.numel() / features, features});
}

/// Rows back to all axes of `like` but the last.
Tensor like_rows(const Tensor& y, const Shape& like) {
  return like.rank() == 2 ? y : y.view(like.with(-1, y.shape()[1]));
}

}  // namespace

Variable matmul(const Variable& a, const Variable& b) {
  const Tensor av = a.value(), bv = b.value();
  return record("matmul", ops::matmul(av, bv), {a, b}, [av, bv](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return ops::matmul_nt(dy, bv); });
    into.add(1, [&] { return ops::matmul_tn(av, dy); });
  });
}

Variable linear(const Variable& x, const Variable& w, const Variable& b) {
  const Tensor xv = rows(x.value()), wv = w.value();
  const Shape shape = x.shape();
  Tensor y = like_rows(ops::linear(xv, wv, b.defined() ? b.value() : Tensor()), shape);
  std::vector<Variable> inputs{x, w};
  if (b.defined()) inputs.push_back(b);
  return record("linear", std::move(y), std::move(inputs),
                [=, biased = b.defined()](const Tensor& gradient, Gradients& into) {
                  const Tensor dy = rows(gradient);
                  into.add(0, [&] { return like_rows(ops::linear_input_gradient(dy, wv), shape); });
                  into.add(1, [&] { return ops::linear_weight_gradient(xv, dy); });
                  if (biased) into.add(2, [&] { return ops::channel_sum(dy); });
                });
}

}  // namespace pith
