// Folding batch norm into the convolution before it, for inference.
#pragma once

#include "nn/module.h"

namespace pith::nn {

/// For every stage convolution -> batch norm at and below `model`: with s = gamma / sqrt(running_var + eps) per
/// channel,
///   w <- s w,  b <- s (b - running_mean) + beta,
/// and the batch norm becomes the identity, so that convolution, residual sum and ReLU run in one pass. The function
/// computed in evaluation is the same up to rounding. A mask stays true: s * 0 = 0. Puts the model into evaluation; it
/// is no longer for training or saving (convolutions have got biases). Every convolution keeps its weights as the
/// kernels read them, too. Returns how many were folded.
int64_t fold_batch_norm(Module& model);

}  // namespace pith::nn
