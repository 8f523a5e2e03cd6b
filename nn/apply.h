// The one place that asks a parameter what it is. Layers hand their parameters over and never look inside.
//
// Today a parameter is dense values, perhaps under a mask (already zero where pruned; its gradient is zero there too).
// A layer whose mask is sparse enough (Parameter::crossover) multiplies its kept weights only, both ways.
#pragma once

#include "autograd/ops/conv2d.h"
#include "autograd/variable.h"
#include "nn/parameter.h"
#include "tensor/shape.h"

namespace pith::nn {

/// The parameter as an operand of an operation: its values, masked in the backward pass.
Variable in_use(const Parameter& p);

/// y = x w^T + b. x [n, in] (or [..., in] plain), w [out, in], b [out] or nullptr -> [n, out].
Variable apply_linear(const Variable& x, const Parameter& w, const Parameter* b);

/// x [n, c, h, w], w [k, c / groups, kh, kw], b [k] or nullptr -> [n, k, oh, ow]. What follows in `tail`
/// (a residual sum, ReLU) runs in the same pass where no gradient is recorded.
Variable apply_conv(const Variable& x, const Parameter& w, const Parameter* b, const Window& window,
                    const ConvTail& tail = {});

/// apply_conv, measured for the batch normalisation that follows (autograd/ops/conv2d.h). pivot [k]: the running means.
MeasuredVariable apply_conv_measured(const Variable& x, const Parameter& w, const Parameter* b, const Window& window,
                                     const Tensor& pivot);

}  // namespace pith::nn
