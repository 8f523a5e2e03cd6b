// Rows of a table by index: word vectors.
#pragma once

#include "tensor/tensor.h"

namespace pith::ops {

/// w [words, features] (f32 or f64), indices s32 [...] -> [..., features]. Throws FormatError for an index outside
/// [0, words), naming its place; ShapeError, TypeError.
Tensor embedding(const Tensor& w, const Tensor& indices);
/// Gradient of w: zeros [words, features] with the rows of dy added in the order of the indices.
Tensor embedding_gradient(const Tensor& dy, const Tensor& indices, const Shape& w);

}  // namespace pith::ops
