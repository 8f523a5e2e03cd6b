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

}  // namespace pith
