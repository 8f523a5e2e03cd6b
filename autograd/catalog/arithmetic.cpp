#include "autograd/ops/arithmetic.h"

#include "autograd/catalog/rows.h"

namespace pith {
namespace {

using Binary = Variable (*)(const Variable&, const Variable&);

Example binary(Tensor a, Tensor b, Binary f) {
  Example e;
  const bool lanes = a.shape() == b.shape() && (a.shape().rank() == 2 || a.shape().rank() == 4);
  if (lanes) e.image_like = {0, 1};
  for (int i = 1; i <= a.shape().rank() && i <= b.shape().rank(); ++i)
    if (a.shape()[-i] > 1 && b.shape()[-i] > 1) {
      e.wrong_input = 1;
      e.wrong_axis = -i;
    }
  e.inputs = {std::move(a), std::move(b)};
  e.call = [f](const std::vector<Variable>& v) { return f(v[0], v[1]); };
  return e;
}

/// A shape that broadcasts against `shape`: some extents 1, some leading axes missing.
Shape broadcastable(Draw& d, const Shape& shape) {
  std::vector<int64_t> e;
  const int64_t missing = d.coin() ? d.between(0, shape.rank()) : 0;
  for (int i = static_cast<int>(missing); i < shape.rank(); ++i) e.push_back(d.between(0, 2) == 0 ? 1 : shape[i]);
  return Shape(std::span<const int64_t>(e));
}

template <Binary kF>
Example random_binary(Draw& d) {
  const Shape shape = d.any_shape();
  const Shape other = d.coin() ? shape : broadcastable(d, shape);
  Tensor a = d.normal(shape), b = d.off_zero(other, 0.5);  // b may divide
  return d.coin() || kF == Binary{div} ? binary(a, b, kF) : binary(b, a, kF);
}

template <Binary kF>
Example large_binary(Draw& d) {
  return binary(d.normal(layer_shape()), d.off_zero(layer_shape(), 0.5), kF);
}

Example affine_of(Tensor x, double factor, double term) {
  Example e = unary(std::move(x), [=](const Variable& v) { return affine(v, factor, term); });
  e.attributes = {{"factor", {factor}}, {"term", {term}}};
  return e;
}

Example power_of(Tensor x, double p) {
  Example e = unary(std::move(x), [=](const Variable& v) { return power(v, p); });
  e.attributes = {{"exponent", {p}}};
  return e;
}

Example sum_along(Tensor x, int axis, bool keep) {
  Example e = unary(std::move(x), [=](const Variable& v) { return sum(v, axis, keep); });
  e.attributes = {{"axis", {static_cast<double>(axis)}}, {"keep", {keep ? 1.0 : 0.0}}};
  return e;
}

Example random_sum_along(Draw& d) {
  const Shape s = d.any_shape();
  return sum_along(d.normal(s), static_cast<int>(d.between(-s.rank(), s.rank() - 1)), d.coin());
}

const auto kSum = [](const Variable& v) { return sum(v); };
const auto kMean = [](const Variable& v) { return mean(v); };
const auto kAbs = [](const Variable& v) { return abs(v); };
const auto kExp = [](const Variable& v) { return exp(v); };
const auto kLog = [](const Variable& v) { return log(v); };

}  // namespace

std::vector<CatalogRow> arithmetic_rows() {
  return {
      {"add", random_binary<add>, large_binary<add>},
      {"sub", random_binary<sub>, large_binary<sub>},
      {"mul", random_binary<mul>, large_binary<mul>},
      {"div", random_binary<div>, large_binary<div>},
      {"affine", [](Draw& d) { return affine_of(d.normal(d.any_shape()), d.uniform(-2, 2), d.uniform(-1, 1)); },
       [](Draw& d) { return affine_of(d.normal(layer_shape()), 2, 1); }},
      {"power", [](Draw& d) { return power_of(d.within(d.any_shape(), 0.3, 2), d.coin() ? 2 : d.uniform(-2, 3)); },
       [](Draw& d) { return power_of(d.within(layer_shape(), 0.3, 2), 2); }},
      {"abs", [](Draw& d) { return unary(d.off_zero(d.any_shape()), kAbs); },
       [](Draw& d) { return unary(d.normal(layer_shape()), kAbs); }},
      {"exp", [](Draw& d) { return unary(d.normal(d.any_shape()), kExp); },
       [](Draw& d) { return unary(d.normal(layer_shape()), kExp); }},
      {"log", [](Draw& d) { return unary(d.within(d.any_shape(), 0.2, 3), kLog); },
       [](Draw& d) { return unary(d.within(layer_shape(), 0.2, 3), kLog); }},
      {"sum", [](Draw& d) { return unary(d.normal(d.any_shape()), kSum); },
       [](Draw& d) { return unary(d.normal(layer_shape()), kSum); }},
      {"mean", [](Draw& d) { return unary(d.normal(d.any_shape()), kMean); },
       [](Draw& d) { return unary(d.normal(layer_shape()), kMean); }},
      {"sum_axis", random_sum_along, [](Draw& d) { return sum_along(d.normal(layer_shape()), 1, false); }},
  };
}

}  // namespace pith
