// Element by element: arithmetic of two tensors with broadcasting.
//
// f32 or f64, one type for both. Two tensors of one shape of which one is in lane order give lanes; otherwise the
// result is plain, of the shape both broadcast to. Every element is computed alone, correctly rounded: same bits at any
// number of threads. Throws ShapeError where shapes do not broadcast, TypeError for other types.
#pragma once

#include "tensor/kernels/maps.h"
#include "tensor/tensor.h"

namespace pith::ops {

Tensor combine(BinaryKind kind, const Tensor& a, const Tensor& b);

inline Tensor add(const Tensor& a, const Tensor& b) { return combine(BinaryKind::add, a, b); }
inline Tensor sub(const Tensor& a, const Tensor& b) { return combine(BinaryKind::sub, a, b); }
inline Tensor mul(const Tensor& a, const Tensor& b) { return combine(BinaryKind::mul, a, b); }
inline Tensor div(const Tensor& a, const Tensor& b) { return combine(BinaryKind::div, a, b); }

}  // namespace pith::ops
