// How a convolution over lane blocks is walked: along each axis the outputs that read the same taps, and from these the
// distances in lines. Shared by dense and sparse convolution, forward and back. Internal to tensor/ops.
#pragma once

#include <algorithm>
#include <vector>

#include "tensor/kernels/table.h"
#include "tensor/ops/batch_norm.h"
#include "tensor/tensor.h"

namespace pith::ops::lane_conv {

inline constexpr int64_t L = LaneGeometry::kLanes;

/// Along one axis, `count` outputs first, first + step, ... that read the same taps: kernel indices kernel, kernel +
/// kernel_step, ... (kernel_step may be negative), which lie at inputs offset, offset + tap_step, ... for the first of
/// them; each further output starts input_step further.
struct AxisClass {
  int64_t first = 0, step = 1, count = 0;
  int64_t taps = 0, kernel = 0, kernel_step = 1, offset = 0, tap_step = 1, input_step = 1;
  /// Input that tap t of output i reads.
  int64_t input(int64_t i, int64_t t) const { return i * input_step + offset + t * tap_step; }
};

/// Does one tap of the outermost output of this end of an axis, and nothing else, lie outside of its `extent` inputs?
bool clips_left(const AxisClass& c);
bool clips_right(const AxisClass& c, int64_t extent);

/// Forward: all outputs are of one class.
AxisClass forward_class(int64_t outputs, int64_t kernel, const Window& window, size_t axis);

/// Way back of one axis. dx[i] sums w[r] dy[(i + padding - r dilation) / stride] where that is whole: i falls into
/// `stride` classes with taps of their own. Kernel indices run down, so that inputs are read upwards; the indices of a
/// class lie stride / gcd(stride, dilation) apart, so its inputs are equally far apart too.
std::vector<AxisClass> gradient_classes(int64_t extent, int64_t kernel, const Window& window, size_t axis);

/// Border that the way back to x (its shape) from dy reads around dy.
int64_t gradient_halo(const Shape& x, const Shape& dy, const Shape& w, const Window& window);

/// One product with a window: what goes in, where it goes, which rows and columns.
struct Plan {
  const LaneGeometry &from, &to;
  AxisClass rows, columns;
  int64_t groups, in_channels, channels;  ///< of one group
  bool tiled;

  int64_t depth() const { return in_channels * rows.taps * columns.taps; }

  /// Outputs of class rows begin .. end - 1 of one block and group. Pointers to data only; no weights, no epilogue.
  WindowConv window(const float* in, float* out, int64_t block, int64_t group, int64_t begin, int64_t end) const;
};

/// w: shape of the weights.
Plan forward_plan(const LaneGeometry& from, const LaneGeometry& to, const Shape& w, const Window& window, bool tiled);

/// Border of a result: 1 for images, 0 where it is one pixel.
inline int64_t halo_for(const Shape& image) { return image[2] * image[3] == 1 ? 0 : 1; }

/// The residual as y lies.
Tensor residual_like(const Tensor& residual, const Tensor& y);

/// Sums of one strip, per channel: two lines, of distances from the pivot and of their squares (WindowConv::sums).
inline constexpr int64_t kSums = 2 * L;

/// Mean and variance of each channel of y from its strips' sums [blocks strips, c, kSums], joined in order. Where a
/// mean lies so far from its pivot that the difference of sums cancels, y is read again.
Moments join_moments(const Tensor& sums, const Tensor& y, const Tensor& pivot);

}  // namespace pith::ops::lane_conv
