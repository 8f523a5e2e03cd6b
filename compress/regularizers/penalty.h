// What a regularizer adds to the loss, and to the gradient of one weight tensor. Every regularizer is a pure function
// (weights, strength) -> Penalty; the scheduler adds it between backward and step. Weight decay in the optimizer stays
// what it is; sparse group lasso is a group lasso beside an L1 penalty or weight decay.
#pragma once

#include "tensor/tensor.h"

namespace pith::compress {

struct Penalty {
  double value = 0;
  Tensor gradient;  ///< f32 of the weight's shape
};

}  // namespace pith::compress
