// Operations that only move elements, and their ways back. Any type in plain order; f32 in lane order. Nothing is
// computed, so results are exact. Throws ShapeError where extents do not fit.
#pragma once

#include <span>

#include "tensor/tensor.h"

namespace pith::ops {

/// Joins tensors along an axis; their other extents and types are equal. Lanes if all are lanes of one halo and the
/// axis is 1 (channels); plain otherwise.
Tensor concat(std::span<const Tensor> xs, int axis);

/// Elements [start, start + length) of an axis. Plain: a view. Lanes: a copy, lanes along axis 1, plain otherwise.
Tensor narrow(const Tensor& x, int axis, int64_t start, int64_t length);
/// Zeros of shape `x` with dy in the place that narrow took.
Tensor narrow_gradient(const Tensor& dy, const Shape& x, int axis, int64_t start);

/// [n, c, h, w] -> [n, c h w], the order of memory is kept.
Tensor flatten(const Tensor& x);
/// [n, c h w] -> x's shape, in dy's order (lanes: halo 1, or 0 for one pixel).
Tensor flatten_gradient(const Tensor& dy, const Shape& x);

/// x[:, :, ::stride, ::stride] with channels padded by zeros to `channels`, half before, half after (ResNet option A).
Tensor subsample_pad(const Tensor& x, int64_t stride, int64_t channels);
/// Zeros of shape `x` with dy's middle channels at the places that were taken; dy's order.
Tensor subsample_pad_gradient(const Tensor& dy, const Shape& x, int64_t stride);

}  // namespace pith::ops
