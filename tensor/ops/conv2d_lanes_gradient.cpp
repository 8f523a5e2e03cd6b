// The weight gradient of lane_conv (conv2d_lanes.h).
#include <vector>

#include "tensor/ops/conv2d_lanes.h"

namespace pith::ops::lane_conv {
namespace {

constexpr int64_t L = LaneGeometry::kLanes;

/// Distances from a line to the taps of `channels` channels, in the order of the weights [channel][row][column].
std::vector<int32_t> distances(const LaneGeometry& g, const Shape& w, const Window& window) {
  std::vector<int32_t> taps;
  taps.reserve(static_cast<size_t>(w[1] * w[2] * w[3]));
  for (int64_t c = 0; c < w[1]; ++c)
    for (int64_t r = 0; r < w[2]; ++r)
      for (int64_t s = 0; s < w[3]; ++s) {
        const int64_t row = r * window.dilation[0] - window.padding[0];
        taps.push_back(static_cast<int32_t>(c * g.plane + row * g.row + s * window.dilation[1] - window.padding[1]));
      }
  return taps;
}

/// How the work is split: every part of the images has sums of its own, added in order afterwards; large weights are
/// split by output channel instead, so that the sums stay below about 4 MB in all.
struct GradientSplit {
  int64_t image_parts, filter_parts;
};

GradientSplit split_gradient(int64_t blocks, int64_t weights, int64_t filters, int64_t groups) {
  constexpr int64_t kParts = 8, kSums = 1 << 20;
  const int64_t images = std::clamp<int64_t>(kSums / std::max<int64_t>(weights, 1), 1, std::min(blocks, kParts));
  const int64_t most = groups > 1 ? groups : chunk_count(filters, 8);
  return {images, std::clamp<int64_t>(chunk_count(kParts, images), 1, std::max<int64_t>(most, 1))};
}

/// Rows of outputs that one call of the kernel covers: about 128 lines of dy for each of its 4 channels, most of which
/// stay in the first-level cache while all taps pass by. A depthwise gradient has one pass and takes the whole plane.
int64_t gradient_rows(const LaneGeometry& dy, bool depthwise) {
  constexpr int64_t kLines = 128;
  if (depthwise) return dy.h;
  return chunk_count(dy.h, chunk_count(dy.h, std::clamp<int64_t>(kLines / dy.w, 1, dy.h)));
}

/// sums[i] of every part added in the order of the parts.
Tensor add_parts(const Tensor& sums, int64_t parts, const Shape& shape) {
  Tensor dw = Tensor::zeros(shape);
  float* const out = dw.mutable_data<float>();
  const float* const in = sums.data<float>();
  const int64_t count = shape.numel();
  for (int64_t p = 0; p < parts; ++p)
    for (int64_t i = 0; i < count; ++i) out[i] += in[p * count + i];
  return dw;
}

/// The kernel's calls over one block of images after the other, strip by strip, each told where the next one reads.
struct GradientWalk {
  const KernelTable& kernels;
  const Tensor &x, &dy;
  const Window& window;
  std::vector<int32_t> taps;
  int64_t filters, channels, rows;  ///< of one group, rows of a strip
  int64_t kernel_columns;

  /// Adds to dw (of output channel `first`) over blocks begin .. end - 1 for output channels first .. last - 1, all of
  /// one group.
  void run(float* dw, int64_t begin, int64_t end, int64_t first, int64_t last) const {
    const int64_t strips = chunk_count(dy.geometry().h, rows);
    for (int64_t i = begin * strips; i < end * strips; ++i) {
      LineConvGradient c = strip(i / strips, i % strips * rows, first, last);
      if (i + 1 < end * strips) {
        const LineConvGradient next = strip((i + 1) / strips, (i + 1) % strips * rows, first, last);
        c.next_x = next.x, c.next_dy = next.dy;
      }
      c.dw = dw;
      kernels.conv_lines_gradient(c);
    }
  }

  LineConvGradient strip(int64_t block, int64_t row, int64_t first, int64_t last) const {
    const LaneGeometry &from = x.geometry(), &to = dy.geometry();
    const int64_t group = first / filters, stride = window.stride[0];
    LineConvGradient c;
    c.x = x.data<float>() + from.line(block, group * channels, row * stride, 0) * L;
    c.taps = taps.data();
    c.dy = dy.data<float>() + to.line(block, first, row, 0) * L;
    c.depth = static_cast<int64_t>(taps.size()), c.channels = last - first;
    c.rows = std::min(rows, to.h - row), c.outputs = to.w;
    c.x_step = window.stride[1], c.x_row = stride * from.row;
    c.x_planes = channels, c.x_plane = from.plane;
    c.dy_row = to.row, c.dy_plane = to.plane;
    c.w_step = c.depth;
    c.adjacent_taps = window.dilation[1] == 1 ? kernel_columns : 1;
    return c;
  }
};

}  // namespace

Tensor weight_gradient(const KernelTable& kernels, const Tensor& x, const Tensor& dy, const Shape& w,
                       const Window& window) {
  if (dy.numel() == 0) return Tensor::zeros(w);
  const Tensor input = with_halo(x, conv2d_halo(x.shape(), w, window));
  const int64_t blocks = dy.geometry().blocks, groups = window.groups, filters = w[0] / groups;
  const bool depthwise = w[1] == 1 && filters == 1;
  const GradientWalk walk{kernels,
                          input,
                          dy,
                          window,
                          distances(input.geometry(), w, window),
                          filters,
                          w[1],
                          gradient_rows(dy.geometry(), depthwise),
                          w[3]};
  const GradientSplit split = split_gradient(blocks, w.numel(), w[0], groups);
  const int64_t block_grain = chunk_count(blocks, split.image_parts);
  const int64_t filter_grain = groups > 1 ? chunk_count(groups, split.filter_parts) * filters
                                          : (chunk_count(w[0], split.filter_parts) + 3) / 4 * 4;
  Tensor sums = Tensor::zeros({split.image_parts, w.numel()});
  float* const all = sums.mutable_data<float>();
  parallel_for(split.image_parts * split.filter_parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t part = i / split.filter_parts, first = i % split.filter_parts * filter_grain;
      const int64_t last = std::min(w[0], first + filter_grain), step = groups > 1 ? filters : last - first;
      for (int64_t k = first; k < last; k += step)
        walk.run(all + part * w.numel() + k * w[1] * w[2] * w[3], part * block_grain,
                 std::min(blocks, (part + 1) * block_grain), k, k + step);
    }
  });
  return add_parts(sums, split.image_parts, w);
}

}  // namespace pith::ops::lane_conv
