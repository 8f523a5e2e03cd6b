// Convolution of u8 lanes with weights of 4, 2 or 1 bits: the codes become the INT8 kernels' weights anew at every call
// - a few kilobytes that stay in the first caches, one operation for 16 to 64 weights - and the rest is conv2d_s8. So
// the results are those of INT8 weights of the same levels, to the bit, and memory holds the codes alone.
#pragma once

#include <cstdint>

#include "tensor/ops/conv2d_s8.h"

namespace pith::ops {

/// Codes of [k, c / groups, kh, kw] as kernels/narrow_views.h, NarrowUnpack, says; each panel of four outputs is padded
/// to whole vectors of 64 bytes. The owner of the arrays outlives this.
struct NarrowFilters {
  IntWeights frame;  ///< all of the INT8 weights but the weights: shape, groups, bias, proof
  int bits = 4;
  const uint8_t* codes = nullptr;
  int64_t panel_vectors = 0;
  const int8_t* levels = nullptr;  ///< 4 bits: [16], what a code stands for; else [k / 4, rounded up][4][4]
};

/// w: s8, plain, what the codes stand for; bias and zero_point as of pack_int_weights, whose errors it throws. Without
/// groups, and where sums are proved to fit 32 bits, nothing of w is kept; otherwise the INT8 weights are.
NarrowFilters narrow_filters(const Tensor& w, const Tensor& bias, int32_t zero_point, int64_t groups);

/// conv2d_s8 with these weights.
Tensor narrow_conv2d(const QuantizedTensor& x, const NarrowFilters& w, const Window& window, const IntTarget& to,
                     const KernelTable& table = kernels());

}  // namespace pith::ops
