#include "autograd/ops/arithmetic.h"

#include "tensor/ops/elementwise.h"
#include "tensor/ops/map.h"
#include "tensor/ops/reduce.h"

namespace pith {
namespace {

Tensor negated(const Tensor& x) { return ops::map({MapKind::affine, -1, 0}, x); }

/// y = f(x), keeping the argument or the result for the way back, whichever the slope is made of.
Variable mapped(std::string_view name, const ops::Map& f, const Variable& x) {
  Tensor y = ops::map(f, x.value());
  const Tensor kept = ops::gradient_reads_result(f) ? y : x.value();
  return record(name, std::move(y), {x}, [f, kept](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return ops::map_gradient(f, kept, dy); });
  });
}

/// A plain tensor of `shape` filled with the one element of `scalar` times `factor`: a view with strides of 0.
Tensor spread(const Tensor& scalar, double factor, const Shape& shape) {
  return Tensor::full({}, scalar.item() * factor, scalar.dtype()).expand(shape);
}

}  // namespace

Variable add(const Variable& a, const Variable& b) {
  return record("add", ops::add(a.value(), b.value()), {a, b},
                [sa = a.shape(), sb = b.shape()](const Tensor& dy, Gradients& into) {
                  into.add(0, [&] { return ops::sum_to(dy, sa); });
                  into.add(1, [&] { return ops::sum_to(dy, sb); });
                });
}

Variable sub(const Variable& a, const Variable& b) {
  return record("sub", ops::sub(a.value(), b.value()), {a, b},
                [sa = a.shape(), sb = b.shape()](const Tensor& dy, Gradients& into) {
                  into.add(0, [&] { return ops::sum_to(dy, sa); });
                  into.add(1, [&] { return negated(ops::sum_to(dy, sb)); });
                });
}

Variable mul(const Variable& a, const Variable& b) {
  const Tensor va = a.value(), vb = b.value();
  return record("mul", ops::mul(va, vb), {a, b}, [va, vb](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return ops::sum_to(ops::mul(dy, vb), va.shape()); });
    into.add(1, [&] { return ops::sum_to(ops::mul(dy, va), vb.shape()); });
  });
}

Variable div(const Variable& a, const Variable& b) {
  const Tensor vb = b.value();
  Tensor y = ops::div(a.value(), vb);
  const Tensor quotient = y;
  return record("div", std::move(y), {a, b}, [quotient, vb, sa = a.shape()](const Tensor& dy, Gradients& into) {
    const Tensor g = ops::div(dy, vb);
    into.add(0, [&] { return ops::sum_to(g, sa); });
    into.add(1, [&] { return negated(ops::sum_to(ops::mul(g, quotient), vb.shape())); });
  });
}

Variable affine(const Variable& x, double factor, double term) {
  const ops::Map f{MapKind::affine, factor, term};
  return record("affine", ops::map(f, x.value()), {x}, [f](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return ops::map({MapKind::affine, f.p, 0}, dy); });
  });
}

Variable power(const Variable& x, double p) { return mapped("power", {MapKind::power, p, 0}, x); }
Variable abs(const Variable& x) { return mapped("abs", {MapKind::abs, 0, 0}, x); }
Variable exp(const Variable& x) { return mapped("exp", {MapKind::exp, 0, 0}, x); }
Variable log(const Variable& x) { return mapped("log", {MapKind::log, 0, 0}, x); }

Variable sum(const Variable& x) {
  return record("sum", ops::sum(x.value()), {x}, [shape = x.shape()](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return spread(dy, 1, shape); });
  });
}

Variable mean(const Variable& x) {
  const double share = 1 / static_cast<double>(x.shape().numel());
  return record("mean", ops::map({MapKind::affine, share, 0}, ops::sum(x.value())), {x},
                [share, shape = x.shape()](const Tensor& dy, Gradients& into) {
                  into.add(0, [&] { return spread(dy, share, shape); });
                });
}

Variable sum(const Variable& x, int axis, bool keep) {
  const int a = checked_axis(axis, x.shape().rank(), "sum");
  return record("sum", ops::sum(x.value(), a, keep), {x}, [a, shape = x.shape()](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return to_plain(dy).view(shape.with(a, 1)).expand(shape); });
  });
}

}  // namespace pith
