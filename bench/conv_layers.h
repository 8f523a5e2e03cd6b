// The convolutions that kernels and their rivals are timed on: ResNet-20's on CIFAR images, LeNet-5's, and depthwise
// ones of MobileNet's kind. Operations count 2 x outputs x channels x taps, padding included, as users do.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "tensor/shape.h"

namespace pith::bench {

struct ConvLayer {
  const char* name;
  int64_t c, h, k, kernel, stride, padding, groups;
  Window window() const { return {.stride = {stride, stride}, .padding = {padding, padding}, .groups = groups}; }
  Shape x(int64_t batch) const { return {batch, c, h, h}; }
  Shape w() const { return {k, c / groups, kernel, kernel}; }
  double operations(int64_t batch) const {
    return 2.0 * static_cast<double>(conv2d_shape(x(batch), w(), window()).numel() * (c / groups) * kernel * kernel);
  }
};

inline constexpr ConvLayer kConvLayers[] = {
    {"conv1", 3, 32, 16, 3, 1, 1, 1},       {"stage1", 16, 32, 16, 3, 1, 1, 1},
    {"stage2", 32, 16, 32, 3, 1, 1, 1},     {"stage3", 64, 8, 64, 3, 1, 1, 1},
    {"down2", 16, 32, 32, 3, 2, 1, 1},      {"down3", 32, 16, 64, 3, 2, 1, 1},
    {"short2", 16, 32, 32, 1, 2, 0, 1},     {"point", 64, 16, 64, 1, 1, 0, 1},
    {"lenet1", 1, 28, 20, 5, 1, 0, 1},      {"lenet2", 20, 12, 50, 5, 1, 0, 1},
    {"depthwise", 64, 16, 64, 3, 1, 1, 64}, {"depthwise2", 64, 16, 64, 3, 2, 1, 64}};

/// ResNet-20's 3 x 3 layers.
inline constexpr std::span<const ConvLayer> kResNetLayers{kConvLayers, 6};

/// measured: forward with the moments for batch normalisation.
enum class ConvPass { forward, measured, input, weight };
inline constexpr std::pair<const char*, ConvPass> kConvPasses[] = {{"forward", ConvPass::forward},
                                                                   {"measured", ConvPass::measured},
                                                                   {"dx", ConvPass::input},
                                                                   {"dw", ConvPass::weight}};

}  // namespace pith::bench
