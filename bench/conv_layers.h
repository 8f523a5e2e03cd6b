// The convolutions that the benchmarks run: ResNet-20 on CIFAR-10, layer by layer. Operations count 2 x outputs x
// channels x taps, padding included, as users do.
#pragma once

#include <cstdint>

#include "tensor/shape.h"

namespace pith::bench {

struct ConvLayer {
  const char* name;
  int64_t c, h, k, kernel, stride;

  Window window() const { return {.stride = {stride, stride}, .padding = {kernel / 2, kernel / 2}}; }
  int64_t outputs() const { return (h + 2 * (kernel / 2) - kernel) / stride + 1; }
  double operations(int64_t batch) const {
    return 2.0 * static_cast<double>(batch * k * outputs() * outputs() * c * kernel * kernel);
  }
};

inline constexpr ConvLayer kConvLayers[] = {{"conv1", 3, 32, 16, 3, 1},   {"stage1", 16, 32, 16, 3, 1},
                                            {"stage2", 32, 16, 32, 3, 1}, {"stage3", 64, 8, 64, 3, 1},
                                            {"down2", 16, 32, 32, 3, 2},  {"down3", 32, 16, 64, 3, 2}};

}  // namespace pith::bench
