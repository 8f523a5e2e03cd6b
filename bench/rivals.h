// Other libraries' convolutions, ready to take turns with ours (turns.h). Empty where the library is not installed.
#pragma once

#include <functional>

#include "bench/conv_layers.h"

extern "C" __attribute__((weak)) void omp_set_num_threads(int);  // oneDNN's own threads, where it has them

namespace pith::bench {

/// Rows time one thread's CPU: work that a rival gave to others would not be counted. Call it before the rival runs.
inline void hold_rivals_to_one_thread() {
  if (omp_set_num_threads) omp_set_num_threads(1);
}

/// oneDNN's u8 x s8 convolution to u8 with bias, one scale a channel and ReLU.
std::function<void()> dnnl_u8s8(const ConvLayer& layer, int64_t batch);

/// oneDNN's f32 convolution, forward or one of its ways back; empty for ConvPass::measured, which it does not have.
std::function<void()> dnnl_f32(const ConvLayer& layer, ConvPass pass, int64_t batch);

}  // namespace pith::bench
