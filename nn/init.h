// Initial values. Every parameter draws from its own Philox stream, keyed by seed and its place in visiting order, so
// the same seed gives the same network on every machine and at any thread count.
#pragma once

#include <cstdint>

#include "nn/module.h"

namespace pith::nn {

/// How convolutions (and what follows) start.
///   pytorch   PyTorch's layer defaults: convolution and linear weights uniform in +-1/sqrt(fan_in) (Kaiming with
///             a = sqrt 5), biases likewise.
///   fan_out   He et al. 2015, as residual networks use it: convolution weights normal with deviation
///             sqrt(2 / (kh kw out)), their biases 0; all else as pytorch.
enum class Init : uint8_t { pytorch, fan_out };

/// Fills every Linear, Conv2d, Embedding and Lstm at and below `model`. Embedding: normal(0, 1). LSTM: uniform in
/// +-1/sqrt(hidden). Batch norm keeps weight 1 and bias 0, PACT its limit.
void initialize(Module& model, uint64_t seed, Init init = Init::pytorch);

}  // namespace pith::nn
