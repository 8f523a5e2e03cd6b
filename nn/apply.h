// The one place that asks a parameter what it is. Layers hand their parameters over and never look inside.
//
// A parameter is dense values, perhaps under a mask (already zero where pruned; its gradient is zero there too).
// A layer whose mask is sparse enough (Parameter::crossover) multiplies its kept weights only, both ways; one whose
// weight is used in whole numbers (Parameter::use_whole_numbers), integers on the way forward.
#pragma once

#include "autograd/ops/conv2d.h"
#include "autograd/ops/recurrent.h"
#include "autograd/variable.h"
#include "nn/parameter.h"
#include "tensor/shape.h"

namespace pith::nn {

/// The parameter as an operand of an operation: its values, masked in the backward pass.
Variable in_use(const Parameter& p);

/// y = x w^T + b. x [n, in] (or [..., in] plain), w [out, in], b [out] or nullptr -> [n, out].
Variable apply_linear(const Variable& x, const Parameter& w, const Parameter* b);

/// Rows of w [words, features] by index: s32 [...] -> [..., features].
Variable apply_embedding(const Parameter& w, const Tensor& indices);

/// The weights of a layer of LSTM, as autograd/ops/recurrent.h wants them.
LstmWeights apply_lstm(const Parameter& w_ih, const Parameter& w_hh, const Parameter& b_ih, const Parameter& b_hh);

/// x [n, c, h, w], w [k, c / groups, kh, kw], b [k] or nullptr -> [n, k, oh, ow]. What follows in `tail`
/// (a residual sum, ReLU) runs in the same pass where no gradient is recorded.
Variable apply_conv(const Variable& x, const Parameter& w, const Parameter* b, const Window& window,
                    const ConvTail& tail = {});

/// apply_conv, measured for the batch normalisation that follows (autograd/ops/conv2d.h). pivot [k]: the running means.
MeasuredVariable apply_conv_measured(const Variable& x, const Parameter& w, const Parameter* b, const Window& window,
                                     const Tensor& pivot);

}  // namespace pith::nn
