// 2-D convolution (cross-correlation, as PyTorch and ONNX say it): stride, padding, dilation, groups, depthwise.
#pragma once

#include "autograd/variable.h"
#include "tensor/ops/batch_norm.h"
#include "tensor/shape.h"

namespace pith {

/// y[n, k, i, j] = b[k] + sum over c, r, s of w[k, c, r, s] x[n, g + c, i stride + r dilation - pad, j ...].
/// x [n, c, h, w], w [k, c / groups, kh, kw], b [k] or undefined -> [n, k, oh, ow]. f32 or f64.
/// f32 in lane order, or f32 with gradients on, or a batch of 8 and more: computed and returned in lane order (halo 1).
/// f32 for inference on fewer than 16 images: in tiles where the extents divide (tensor/lanes.h), in plain order below
/// 8 images otherwise. f64: plain order.
Variable conv2d(const Variable& x, const Variable& w, const Variable& b, const Window& window);

/// x in the order of memory that conv2d computes it in, with border enough.
Tensor conv2d_operand(const Tensor& x, const Shape& w, const Window& window);

/// What follows a convolution: the sum with `residual` (of the result's shape) if it is defined, then ReLU if asked
/// for.
struct ConvTail {
  Variable residual;
  bool relu = false;
  Tensor packed = {};  ///< w as ops::pack_conv2d_weights has it, or undefined; used where nothing is recorded
};
/// relu(conv2d(x, w, b) + residual). One pass over memory where nothing is recorded; with gradients the three
/// operations.
Variable conv2d(const Variable& x, const Variable& w, const Variable& b, const Window& window, const ConvTail& tail);

/// A convolution's result, and its channels' moments where they were gathered on the way (count 0: they were not).
struct MeasuredVariable {
  Variable y;
  ops::Moments moments;
};
/// conv2d(x, w, b), measured for the batch normalisation that follows where that costs no pass over memory. pivot [k]:
/// values near the means (the running ones).
MeasuredVariable conv2d_measured(const Variable& x, const Variable& w, const Variable& b, const Window& window,
                                 const Tensor& pivot);

}  // namespace pith
