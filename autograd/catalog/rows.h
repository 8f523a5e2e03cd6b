// The parts of the catalogue, by kind of operation, and what makes their rows short.
#pragma once

#include <utility>
#include <vector>

#include "autograd/catalog.h"

namespace pith {

std::vector<CatalogRow> arithmetic_rows();
std::vector<CatalogRow> activation_rows();
std::vector<CatalogRow> image_rows();
std::vector<CatalogRow> loss_rows();
std::vector<CatalogRow> shape_rows();
std::vector<CatalogRow> product_rows();
std::vector<CatalogRow> quantize_rows();

/// The shape of the large examples of memory-bound operations: a ResNet-20 layer at batch 128.
inline const Shape& layer_shape() {
  static const Shape shape{128, 16, 32, 32};
  return shape;
}

/// An operation of one input that any shape suits.
template <class F>
Example unary(Tensor x, const F& f) {
  const int rank = x.shape().rank();
  Example e;
  e.inputs = {std::move(x)};
  e.call = [f](const std::vector<Variable>& v) { return f(v[0]); };
  if (rank == 2 || rank == 4) e.image_like = {0};
  return e;
}

}  // namespace pith
