#include "autograd/catalog.h"

#include <iterator>

#include "autograd/catalog/rows.h"

namespace pith {

Shape Draw::image() {
  const int64_t n = batch(), c = between(1, 4), h = between(1, 7), w = between(1, 7);
  return {n, c, h, w};
}

Shape Draw::any_shape() {
  if (coin()) return image();
  std::vector<int64_t> e;
  for (int64_t rank = between(1, 3); rank > 0; --rank) e.push_back(between(1, 6));
  return Shape(std::span<const int64_t>(e));
}

Tensor Draw::normal(const Shape& shape) {
  std::vector<double> v(static_cast<size_t>(shape.numel()));
  for (double& x : v) x = random_.normal();
  return Tensor::from(v, shape);
}

Tensor Draw::off_zero(const Shape& shape, double gap) {
  Tensor t = normal(shape);
  double* const p = t.mutable_data<double>();
  for (int64_t i = 0; i < t.numel(); ++i) p[i] += p[i] < 0 ? -gap : gap;
  return t;
}

Tensor Draw::within(const Shape& shape, double low, double high) {
  std::vector<double> v(static_cast<size_t>(shape.numel()));
  for (double& x : v) x = random_.uniform(low, high);
  return Tensor::from(v, shape);
}

Tensor Draw::distinct(const Shape& shape) {
  const uint64_t item = random_.bits();
  std::vector<double> v;
  for (int64_t i : permutation(shape.numel(), {.seed = 5, .purpose = Purpose::test, .item = item}))
    v.push_back(0.1 * static_cast<double>(i - shape.numel() / 2));
  return Tensor::from(v, shape);
}

Tensor Draw::labels(int64_t count, int64_t below) {
  std::vector<int32_t> v(static_cast<size_t>(count));
  for (int32_t& x : v) x = static_cast<int32_t>(random_.below(below));
  return Tensor::from(v, {count});
}

std::span<const CatalogRow> catalog() {
  static const std::vector<CatalogRow> rows = [] {
    std::vector<CatalogRow> all;
    for (std::vector<CatalogRow> (*part)() :
         {arithmetic_rows, activation_rows, image_rows, loss_rows, shape_rows, product_rows, quantize_rows})
      for (CatalogRow& row : part()) all.push_back(std::move(row));
    return all;
  }();
  return rows;
}

}  // namespace pith
