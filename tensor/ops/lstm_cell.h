// The element-wise half of an LSTM step (Hochreiter & Schmidhuber 1997): gates to states, and back. The matrix products
// around it are ordinary ones. f32 or f64, plain and contiguous, one type (the caller's promise:
// autograd/ops/recurrent).
#pragma once

#include "tensor/tensor.h"

namespace pith::ops {

/// gates [n, 4 hidden]: before activation on entry, i, f, g, o (sigmoid, sigmoid, tanh, sigmoid) after it.
/// c = f c_before + i g;  h = o tanh(c). c_before, c, h: [n, hidden]; c and h are written.
void lstm_cell(Tensor& gates, const Tensor& c_before, Tensor& c, Tensor& h);

/// Gradients through one step: dgates (before activation) is written; dc [n, hidden] holds the gradient of c on entry,
/// of c_before after it. `gates` as lstm_cell left them.
void lstm_cell_gradient(const Tensor& gates, const Tensor& c_before, const Tensor& c, const Tensor& dh, Tensor& dc,
                        Tensor& dgates);

}  // namespace pith::ops
