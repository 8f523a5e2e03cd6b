#include "autograd/ops/shape.h"

#include "autograd/catalog/rows.h"

namespace pith {
namespace {

std::vector<double> numbers(const Shape& s) { return {s.extents().begin(), s.extents().end()}; }

const auto kFlatten = [](const Variable& v) { return flatten(v); };

Example reshaped(Tensor x, const Shape& to) {
  Example e = unary(std::move(x), [=](const Variable& v) { return reshape(v, to); });
  e.attributes = {{"shape", numbers(to)}};
  e.wrong_input = 0;
  return e;
}

Example transposed(Tensor x, int a, int b) {
  Example e = unary(std::move(x), [=](const Variable& v) { return transpose(v, a, b); });
  e.attributes = {{"axes", {static_cast<double>(a), static_cast<double>(b)}}};
  return e;
}

Example joined(std::vector<Tensor> xs, int axis) {
  Example e;
  for (size_t i = 0; i < xs.size(); ++i)
    if (xs[i].shape().rank() % 2 == 0) e.image_like.push_back(i);
  if (xs.size() > 1 && xs[0].shape().rank() > 1) {
    e.wrong_input = 1;
    e.wrong_axis = axis == 0 ? 1 : 0;
  }
  e.inputs = std::move(xs);
  e.call = [axis](const std::vector<Variable>& v) { return concat(v, axis); };
  e.attributes = {{"axis", {static_cast<double>(axis)}}};
  return e;
}

Example random_join(Draw& d) {
  const Shape s = d.any_shape();
  const int axis = static_cast<int>(d.between(0, s.rank() - 1));
  std::vector<Tensor> xs;
  for (int64_t i = d.between(1, 4); i > 0; --i) xs.push_back(d.normal(s.with(axis, d.between(1, 4))));
  return joined(std::move(xs), axis);
}

Example narrowed(Tensor x, int axis, int64_t start, int64_t length) {
  Example e = unary(std::move(x), [=](const Variable& v) { return narrow(v, axis, start, length); });
  e.attributes = {{"axis", {static_cast<double>(axis)}},
                  {"start", {static_cast<double>(start)}},
                  {"length", {static_cast<double>(length)}}};
  return e;
}

Example random_narrow(Draw& d) {
  const Shape s = d.any_shape();
  const int axis = static_cast<int>(d.between(0, s.rank() - 1));
  const int64_t start = d.between(0, s[axis] - 1);
  return narrowed(d.normal(s), axis, start, d.between(1, s[axis] - start));
}

Example subsampled(Tensor x, int64_t stride, int64_t channels) {
  Example e = unary(std::move(x), [=](const Variable& v) { return subsample_pad(v, stride, channels); });
  e.attributes = {{"stride", {static_cast<double>(stride)}}, {"channels", {static_cast<double>(channels)}}};
  return e;
}

Example random_reshape(Draw& d) {
  const Shape s = d.any_shape();
  return reshaped(d.normal(s), d.coin() ? Shape{s.numel()} : Shape{1, s.numel(), 1});
}

Example random_transpose(Draw& d) {
  const Shape s = d.any_shape();
  return transposed(d.normal(s), static_cast<int>(d.between(0, s.rank() - 1)),
                    static_cast<int>(d.between(-s.rank(), s.rank() - 1)));
}

Example random_subsample(Draw& d) {
  const Shape s = d.image();
  return subsampled(d.normal(s), d.between(1, 3), s[1] + d.between(0, 5));
}

}  // namespace

std::vector<CatalogRow> shape_rows() {
  return {
      {"reshape", random_reshape,
       [](Draw& d) {
         return reshaped(d.normal(layer_shape()), {128, 16 * 32 * 32});
       }},
      {"flatten", [](Draw& d) { return unary(d.normal(d.image()), kFlatten); },
       [](Draw& d) { return unary(d.normal(layer_shape()), kFlatten); }},
      {"transpose", random_transpose, [](Draw& d) { return transposed(d.normal(layer_shape()), 0, 1); }},
      {"concat", random_join,
       [](Draw& d) {
         Tensor a = d.normal(layer_shape());
         return joined({std::move(a), d.normal(layer_shape())}, 1);
       }},
      {"narrow", random_narrow, [](Draw& d) { return narrowed(d.normal(layer_shape()), 1, 4, 8); }},
      {"subsample_pad", random_subsample, [](Draw& d) { return subsampled(d.normal(layer_shape()), 2, 32); }},
  };
}

}  // namespace pith
