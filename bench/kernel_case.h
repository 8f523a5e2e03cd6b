// A kernel on a layer, ready to be timed, with what it must do and move: for rooflines and for how cost grows.
#pragma once

#include <functional>
#include <string>

#include "bench/conv_layers.h"

namespace pith::bench {

struct KernelCase {
  std::function<void()> run;
  double operations = 0;  ///< 2 x multiply-adds of kept weights, padding included
  double bytes = 0;       ///< of input, weights and result, each once
};

/// What kernel_case knows: dense_forward, dense_dx, dense_dw, sparse_forward, sparse_dx, sparse_dw, int8, int8_1x4,
/// int4, bits. `kept`: percent of the weights (of the blocks of int8_1x4); the dense kernels take no notice of it.
KernelCase kernel_case(const std::string& kernel, const ConvLayer& layer, int64_t batch, int kept);

}  // namespace pith::bench
