#include "tensor/formats/lstm_step.h"

#include <string>

#include "tensor/error.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/floating.h"
#include "tensor/ops/lstm_cell.h"

namespace pith {

LstmStepState lstm_step(const PackedLstm& weights, const Tensor& x, const LstmStepState& before) {
  const int64_t hidden = weights.w_hh->cols(), n = x.shape().rank() == 2 ? x.shape()[0] : 0;
  if (weights.w_hh->rows() != 4 * hidden || weights.w_ih->rows() != 4 * hidden)
    throw ShapeError("lstm_step: w_ih " + text(weights.w_ih->shape()) + " and w_hh " + text(weights.w_hh->shape()) +
                     " must be [4 hidden, in] and [4 hidden, hidden]");
  ops::check_shape("lstm_step", "h", before.h, {n, hidden});
  ops::check_shape("lstm_step", "c", before.c, {n, hidden});
  if (before.c.dtype() != DType::f32 || before.c.is_lanes())
    throw TypeError("lstm_step: wants plain f32 states, c is " + text(before.c));
  const Tensor of_x = weights.w_ih->linear(to_plain(x), weights.bias);
  Tensor gates = ops::add(of_x, weights.w_hh->linear(to_plain(before.h), Tensor()));
  LstmStepState after{Tensor::empty({n, hidden}), Tensor::empty({n, hidden})};
  ops::lstm_cell(gates, before.c.contiguous(), after.c, after.h);
  return after;
}

}  // namespace pith
