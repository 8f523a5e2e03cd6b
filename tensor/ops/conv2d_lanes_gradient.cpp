// The weight gradient of lane_conv (conv2d_lanes.h).
#include <vector>

#include "tensor/ops/conv2d_lanes.h"
#include "tensor/ops/conv2d_plan.h"

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

/// What one call of the kernel covers: rows of one block of images, or some blocks whole. About 128 lines of dy for
/// each of its 4 channels, fewer where a stride spreads the lines of x: most of them stay in the first-level cache
/// while all taps pass by. A depthwise gradient has one pass and takes the whole plane.
struct GradientStrip {
  int64_t blocks, rows;
};

GradientStrip gradient_strip(const LaneGeometry& dy, int64_t stride, bool depthwise) {
  const int64_t lines = std::max<int64_t>(1, 128 / stride);
  if (depthwise) return {1, dy.h};
  const int64_t rows = std::clamp<int64_t>(lines / dy.w, 1, dy.h);
  return {std::max<int64_t>(1, lines / (dy.h * dy.w)), chunk_count(dy.h, chunk_count(dy.h, rows))};
}

/// Blocks of images begin .. end - 1 and output channels first .. last - 1, all of one group.
struct GradientPart {
  int64_t begin, end, first, last;
  float* dw;  ///< sums of these images, from output channel `first` on
};

/// The kernel's calls over the parts, strip by strip, each told where the next one reads.
struct GradientWalk {
  const KernelTable& kernels;
  const Tensor &x, &dy;
  const Window& window;
  std::vector<int32_t> taps;
  int64_t filters, channels;  ///< of one group
  int64_t kernel_rows, kernel_columns;
  GradientStrip strip;

  /// Adds to part.dw. `then`: the part that probably follows on this thread, or null.
  void run(const GradientPart& part, const GradientPart* then) const {
    const int64_t strips = chunk_count(dy.geometry().h, strip.rows);
    const int64_t calls = chunk_count(part.end - part.begin, strip.blocks) * strips;
    for (int64_t i = 0; i < calls; ++i) {
      LineConvGradient c = call(part, i / strips, i % strips);
      if (i + 1 < calls || then != nullptr) {
        const LineConvGradient next =
            i + 1 < calls ? call(part, (i + 1) / strips, (i + 1) % strips) : call(*then, 0, 0);
        c.next_x = next.x, c.next_dy = next.dy;
      }
      kernels.conv_lines_gradient(c);
    }
  }

  LineConvGradient call(const GradientPart& part, int64_t blocks_before, int64_t strips_before) const {
    const LaneGeometry &from = x.geometry(), &to = dy.geometry();
    const AxisClass down = forward_class(to.h, kernel_rows, window, 0),
                    across = forward_class(to.w, kernel_columns, window, 1);
    const int64_t block = part.begin + blocks_before * strip.blocks, row = strips_before * strip.rows;
    LineConvGradient c;
    c.x = x.data<float>() + from.line(block, part.first / filters * channels, row * down.input_step, 0) * L;
    c.taps = taps.data();
    c.dy = dy.data<float>() + to.line(block, part.first, row, 0) * L;
    c.dw = part.dw;
    c.depth = static_cast<int64_t>(taps.size()), c.channels = part.last - part.first;
    c.blocks = std::min(strip.blocks, part.end - block), c.rows = std::min(strip.rows, to.h - row), c.outputs = to.w;
    c.x_step = across.input_step, c.x_row = down.input_step * from.row, c.x_block = from.block;
    c.x_planes = channels, c.x_plane = from.plane;
    c.dy_row = to.row, c.dy_plane = to.plane, c.dy_block = to.block;
    c.w_step = c.depth;
    c.adjacent_taps = across.tap_step == 1 ? kernel_columns : 1;
    c.kernel_rows = kernel_rows, c.top = down.input(row, 0), c.row_step = down.input_step, c.tap_step = down.tap_step;
    c.height = from.h;
    c.clips_left = to.w > 1 && clips_left(across), c.clips_right = to.w > 1 && clips_right(across, from.w);
    return c;
  }
};

/// Every part of the images (some calls of the kernel) has sums of its own, added in order afterwards; few images and
/// large weights are split by output channel instead, so that the sums stay below about 4 MB in all. A chunk of
/// parallel work has `chunk` parts.
struct GradientSplit {
  int64_t image_parts, chunk;
  std::vector<GradientPart> parts;
  Tensor sums;  ///< [image_parts, numel of w]
};

GradientSplit split_gradient(int64_t blocks, const GradientStrip& strip, const Shape& w, int64_t groups) {
  constexpr int64_t kParts = 8, kSums = 1 << 20;
  const int64_t calls = chunk_count(blocks, strip.blocks), filters = w[0] / groups, filter = w.numel() / w[0];
  const int64_t most = std::clamp<int64_t>(kSums / w.numel(), 1, std::min(calls, kParts));
  const int64_t block_grain = chunk_count(calls, most) * strip.blocks, image_parts = chunk_count(blocks, block_grain);
  const int64_t filter_parts =
      std::clamp<int64_t>(chunk_count(kParts, image_parts), 1, groups > 1 ? groups : chunk_count(w[0], 8));
  const int64_t chunk = groups > 1 ? chunk_count(groups, filter_parts) : 1;
  const int64_t step = groups > 1 ? filters : chunk_count(chunk_count(w[0], filter_parts), 4) * 4;
  GradientSplit split{image_parts, chunk, {}, Tensor::zeros({image_parts, w.numel()})};
  float* const sums = split.sums.mutable_data<float>();
  for (int64_t i = 0; i < image_parts; ++i)
    for (int64_t k = 0; k < w[0]; k += step)
      split.parts.push_back({i * block_grain, std::min(blocks, (i + 1) * block_grain), k, std::min(w[0], k + step),
                             sums + i * w.numel() + k * filter});
  return split;
}

/// sums[i] of every part of the images added in their order.
Tensor add_parts(const GradientSplit& split, const Shape& shape) {
  Tensor dw = Tensor::zeros(shape);
  float* const out = dw.mutable_data<float>();
  const float* const in = split.sums.data<float>();
  const int64_t count = shape.numel();
  for (int64_t p = 0; p < split.image_parts; ++p)
    for (int64_t i = 0; i < count; ++i) out[i] += in[p * count + i];
  return dw;
}

}  // namespace

Tensor weight_gradient(const KernelTable& kernels, const Tensor& x, const Tensor& dy, const Shape& w,
                       const Window& window) {
  if (dy.numel() == 0 || w.numel() == 0) return Tensor::zeros(w);
  const Tensor input = with_halo(x, conv2d_halo(x.shape(), w, window));
  const int64_t filters = w[0] / window.groups;
  const GradientWalk walk{.kernels = kernels,
                          .x = input,
                          .dy = dy,
                          .window = window,
                          .taps = distances(input.geometry(), w, window),
                          .filters = filters,
                          .channels = w[1],
                          .kernel_rows = w[2],
                          .kernel_columns = w[3],
                          .strip = gradient_strip(dy.geometry(), window.stride[0], w[1] == 1 && filters == 1)};
  const GradientSplit split = split_gradient(dy.geometry().blocks, walk.strip, w, window.groups);
  const int64_t count = std::ssize(split.parts);
  parallel_for(count, split.chunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      walk.run(split.parts[static_cast<size_t>(i)], i + 1 < count ? &split.parts[static_cast<size_t>(i + 1)] : nullptr);
  });
  return add_parts(split, w);
}

}  // namespace pith::ops::lane_conv
