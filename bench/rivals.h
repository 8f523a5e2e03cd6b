// Other libraries' convolutions and sparse products, ready to take turns with ours (turns.h). Empty where the library is not installed.
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

/// XNNPACK's s8 x s8 convolution to s8, one scale a channel, with ReLU.
std::function<void()> xnnpack_int8(const ConvLayer& layer, int64_t batch);

/// y [rows, n] = w [rows, cols] x [cols, n] by libxsmm, which keeps of w what is not 0. x and y outlive the function.
std::function<void()> xsmm_sparse(const float* w, int64_t rows, int64_t cols, const float* x, float* y, int64_t n);

}  // namespace pith::bench
