// 2-D convolution (cross-correlation, as PyTorch and ONNX say it): stride, padding, dilation, groups, depthwise.
#pragma once

#include "autograd/variable.h"
#include "tensor/shape.h"

namespace pith {

/// y[n, k, i, j] = b[k] + sum over c, r, s of w[k, c, r, s] x[n, g + c, i stride + r dilation - pad, j ...].
/// x [n, c, h, w], w [k, c / groups, kh, kw], b [k] or undefined -> [n, k, oh, ow]. f32 or f64.
/// f32 in lane order, or f32 with gradients on, or a batch of 8 and more: computed and returned in lane order (halo 1);
/// a smaller f32 batch for inference, and f64: plain order.
Variable conv2d(const Variable& x, const Variable& w, const Variable& b, const Window& window);

/// What follows a convolution: the sum with `residual` (of the result's shape) if it is defined, then ReLU if asked
/// for.
struct ConvTail {
  Variable residual;
  bool relu = false;
};
/// relu(conv2d(x, w, b) + residual). One pass over memory where nothing is recorded; with gradients the three
/// operations.
Variable conv2d(const Variable& x, const Variable& w, const Variable& b, const Window& window, const ConvTail& tail);

}  // namespace pith
