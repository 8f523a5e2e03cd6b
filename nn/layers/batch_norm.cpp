#include "nn/layers/batch_norm.h"

#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/batch_norm.h"
#include "nn/apply.h"

namespace pith::nn {

BatchNorm2d::BatchNorm2d(int64_t channels, const NormOptions& options)
    : options_(options),
      weight_(add_parameter("weight", Tensor::full({channels}, 1))),
      bias_(add_parameter("bias", Tensor::zeros({channels}))),
      mean_(add_buffer("running_mean", Tensor::zeros({channels}))),
      variance_(add_buffer("running_var", Tensor::full({channels}, 1))) {}

Variable BatchNorm2d::call_fused(const Variable& x, const Tail& tail) {
  const LayerScope scope(name());
  return normalize(x, tail);
}

Variable BatchNorm2d::normalize(const Variable& x, const Tail& tail) {
  if (identity_) {
    const Variable y = tail.residual.defined() ? add(x, tail.residual) : x;
    return tail.relu ? relu(y) : y;
  }
  BatchNormState state{mean_, variance_};
  Variable y = batch_norm(x, in_use(weight_), in_use(bias_), state,
                          {.training = training(),
                           .momentum = options_.momentum,
                           .epsilon = options_.epsilon,
                           .relu = tail.relu,
                           .moments = tail.moments},
                          tail.residual);
  mean_ = state.mean;  // handles: the operation may have replaced them instead of writing through them
  variance_ = state.variance;
  return y;
}

}  // namespace pith::nn
