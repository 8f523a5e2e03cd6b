// The check at the door of every float operation, and the choice of its scalar type.
#pragma once

#include <string>

#include "tensor/error.h"
#include "tensor/tensor.h"

namespace pith::ops {

/// Throws TypeError naming `op` unless x is f32 or f64.
inline void check_floating(const char* op, const Tensor& x) {
  if (!x.defined() || (x.dtype() != DType::f32 && x.dtype() != DType::f64))
    throw TypeError(std::string(op) + ": wants f32 or f64, here is " + text(x));
}

/// The same for two, which must have one type.
inline void check_floating(const char* op, const Tensor& a, const Tensor& b) {
  check_floating(op, a);
  if (!b.defined() || a.dtype() != b.dtype())
    throw TypeError(std::string(op) + ": wants one type for both, here are " + text(a) + " and " + text(b));
}

/// Throws ShapeError unless `t`, called `what`, has this shape.
inline void check_shape(const char* op, const char* what, const Tensor& t, const Shape& shape) {
  if (!(t.shape() == shape))
    throw ShapeError(std::string(op) + ": " + what + " must be " + text(shape) + ", it is " + text(t.shape()));
}

/// Calls f.operator()<T>() with float or double, after check_floating.
template <class F>
auto dispatch_floating(const Tensor& x, const F& f) {
  return x.dtype() == DType::f32 ? f.template operator()<float>() : f.template operator()<double>();
}

/// x again in lane order if `like` is in lane order (f32), with its halo where both are images of one size.
inline Tensor in_order_of(const Tensor& like, const Tensor& x) {
  if (!like.is_lanes() || x.is_lanes()) return x;
  const bool image = x.shape().rank() == 4 && x.shape()[2] * x.shape()[3] != 1;
  return to_lanes(x, image ? (like.geometry().halo > 0 ? like.geometry().halo : 1) : 0);
}

/// Elements that one chunk of a memory-bound loop covers: 128 KB of floats.
inline constexpr int64_t kElementGrain = 1 << 15;

}  // namespace pith::ops
