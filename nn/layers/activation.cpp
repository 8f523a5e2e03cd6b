#include "nn/layers/activation.h"

#include <cmath>

#include "autograd/ops/activation.h"
#include "autograd/ops/softmax_loss.h"
#include "nn/apply.h"
#include "tensor/error.h"

namespace pith::nn {

Variable ReLU::forward(const Variable& x) { return relu(x); }

ClippedReLU::ClippedReLU(double limit) : limit_(limit) {
  if (!(limit > 0) || !std::isfinite(limit))
    throw ArgumentError("clipped relu: the limit " + std::to_string(limit) + " is not above 0 and finite");
}
Variable ClippedReLU::forward(const Variable& x) { return clipped_relu(x, limit_); }

PACT::PACT(double initial) : alpha_(add_parameter("alpha", Tensor::full({1}, initial))) {}
Variable PACT::forward(const Variable& x) { return pact(x, in_use(alpha_)); }

Variable LeakyReLU::forward(const Variable& x) { return leaky_relu(x, slope_); }
Variable Sigmoid::forward(const Variable& x) { return sigmoid(x); }
Variable Tanh::forward(const Variable& x) { return pith::tanh(x); }
Variable Softmax::forward(const Variable& x) { return softmax(x); }

}  // namespace pith::nn
