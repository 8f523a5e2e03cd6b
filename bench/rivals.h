// Other libraries' convolutions, ready to take turns with ours (turns.h). Empty where the library is not installed.
#pragma once

#include <functional>

#include "bench/conv_layers.h"

namespace pith::bench {

/// oneDNN's u8 x s8 convolution to u8 with bias, one scale a channel and ReLU.
std::function<void()> dnnl_u8s8(const ConvLayer& layer, int64_t batch);

}  // namespace pith::bench
