#include "nn/layers/linear.h"

#include "nn/apply.h"

namespace pith::nn {

Linear::Linear(int64_t in, int64_t out, Bias bias)
    : weight_(add_parameter("weight", Tensor::zeros({out, in}))),
      bias_(bias == Bias::yes ? &add_parameter("bias", Tensor::zeros({out})) : nullptr) {}

Linear::Linear(Parameter& shared_weight)
    : weight_(shared_weight), bias_(&add_parameter("bias", Tensor::zeros({shared_weight.shape()[0]}))) {}

Variable Linear::forward(const Variable& x) { return apply_linear(x, weight_, bias_); }

}  // namespace pith::nn
