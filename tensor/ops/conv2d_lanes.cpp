#include "tensor/ops/conv2d_lanes.h"

#include <algorithm>
#include <vector>

#include "tensor/parallel.h"

namespace pith::ops::lane_conv {
namespace {

constexpr int64_t L = LaneGeometry::kLanes;

int64_t halo_for(const Shape& image) { return image[2] * image[3] == 1 ? 0 : 1; }

/// x with a border of at least `halo`; a wider one stays.
Tensor with_halo(const Tensor& x, int64_t halo) { return x.geometry().halo >= halo ? x : to_lanes(x, halo); }

/// Along one axis, the outputs first, first + step, ... that read the same taps; `offset` is the input index that
/// kernel index `kernel` reads for the first of them (below zero: in the border), and each further one reads one more.
struct AxisTap {
  int64_t kernel, offset;
};
struct AxisClass {
  int64_t first = 0, step = 1, count = 0;
  std::vector<AxisTap> taps;
};

/// Way back of one axis. dx[i] sums w[r] dy[(i + padding - r dilation) / stride] where that is whole: i falls into
/// `stride` classes with taps of their own. Kernel indices run down, so that inputs are read upwards.
std::vector<AxisClass> gradient_classes(int64_t extent, int64_t kernel, const Window& window, size_t axis) {
  const int64_t stride = window.stride[axis];
  std::vector<AxisClass> classes;
  for (int64_t first = 0; first < std::min(stride, extent); ++first) {
    AxisClass c{first, stride, (extent - first + stride - 1) / stride, {}};
    for (int64_t r = kernel - 1; r >= 0; --r) {
      const int64_t reach = first + window.padding[axis] - r * window.dilation[axis];
      if (reach % stride == 0) c.taps.push_back({r, reach / stride});
    }
    classes.push_back(std::move(c));
  }
  return classes;
}

/// Border that `classes` read around an axis of this extent.
int64_t reach(const std::vector<AxisClass>& classes, int64_t extent) {
  int64_t halo = 0;
  for (const AxisClass& c : classes)
    for (const AxisTap& t : c.taps) halo = std::max({halo, -t.offset, t.offset + c.count - extent});
  return halo;
}

/// Distances from one line to the taps of `channels` channels, in the order of the weights [channel][row][column].
std::vector<int32_t> distances(const LaneGeometry& g, int64_t channels, const std::vector<int64_t>& rows,
                               const std::vector<int64_t>& columns) {
  std::vector<int32_t> taps;
  taps.reserve(static_cast<size_t>(channels) * rows.size() * columns.size());
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t r : rows)
      for (int64_t s : columns) taps.push_back(static_cast<int32_t>(c * g.plane + r * g.row + s));
  return taps;
}

std::vector<int64_t> window_offsets(int64_t kernel, const Window& window, size_t axis) {
  std::vector<int64_t> offsets;
  for (int64_t r = 0; r < kernel; ++r) offsets.push_back(r * window.dilation[axis] - window.padding[axis]);
  return offsets;
}

/// Rows of outputs in one chunk: about 4 million multiply-adds, so that a chunk outweighs its handing over.
int64_t rows_per_chunk(int64_t rows, int64_t products_per_row) {
  constexpr int64_t kProducts = 4'000'000;
  const int64_t wanted = std::clamp<int64_t>(kProducts / std::max<int64_t>(products_per_row, 1), 1, rows);
  return chunk_count(rows, chunk_count(rows, wanted));  // strips of equal height
}

/// Calls body(block, first row, last row + 1) for every strip of every block of images.
template <class Body>
void for_each_strip(int64_t blocks, int64_t rows, int64_t strip, const Body& body) {
  const int64_t strips = chunk_count(rows, strip);
  parallel_for(blocks * strips, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      body(i / strips, i % strips * strip, std::min(rows, (i % strips + 1) * strip));
  });
}

const float* at(const Tensor& t, int64_t index) { return t.defined() ? t.data<float>() + index : nullptr; }

/// Weights [k, c / groups, kh, kw] as [c][k of the group][rows of a][columns of b]: those that one class of dx reads.
std::vector<float> class_weights(const Tensor& w, int64_t groups, const AxisClass& a, const AxisClass& b) {
  const int64_t filters = w.shape()[0] / groups, channels = w.shape()[1], window = w.shape()[2] * w.shape()[3];
  std::vector<int64_t> taps;  // of the class, in one window
  for (const AxisTap& r : a.taps)
    for (const AxisTap& s : b.taps) taps.push_back(r.kernel * w.shape()[3] + s.kernel);
  std::vector<float> packed(static_cast<size_t>(w.shape()[0] * channels) * taps.size());
  float* out = packed.data();
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t k = g * filters; k < (g + 1) * filters; ++k) {
        const float* const from = w.data<float>() + (k * channels + c) * window;
        for (int64_t t : taps) *out++ = from[t];
      }
  return packed;
}

/// dx of the outputs of one class of rows and one of columns.
void input_gradient_class(const KernelTable& kernels, const Tensor& dy, const Tensor& w, int64_t groups, Tensor& dx,
                          const AxisClass& a, const AxisClass& b) {
  const LaneGeometry &from = dy.geometry(), &to = dx.geometry();
  const int64_t channels = w.shape()[1], filters = w.shape()[0] / groups;
  std::vector<int64_t> rows, columns;
  for (const AxisTap& t : a.taps) rows.push_back(t.offset);
  for (const AxisTap& t : b.taps) columns.push_back(t.offset);
  const std::vector<int32_t> taps = distances(from, filters, rows, columns);
  const std::vector<float> weights = class_weights(w, groups, a, b);
  const int64_t depth = static_cast<int64_t>(taps.size());
  const float* const in = dy.data<float>();
  float* const out = dx.mutable_data<float>();
  const int64_t strip = rows_per_chunk(a.count, to.c * depth * b.count * L);
  for_each_strip(to.blocks, a.count, strip, [&](int64_t block, int64_t begin, int64_t end) {
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t i = begin; i < end; ++i)
        kernels.conv_lines({.x = in + from.line(block, g * filters, i, 0) * L,
                            .taps = taps.data(),
                            .w = weights.data() + g * channels * depth,
                            .y = out + to.line(block, g * channels, a.first + i * a.step, b.first) * L,
                            .depth = depth,
                            .channels = channels,
                            .outputs = b.count,
                            .y_step = b.step,
                            .y_plane = to.plane,
                            .w_step = depth});
  });
}

/// How the weight gradient is split: every part of the images has sums of its own, added in order afterwards; large
/// weights are split by output channel instead, so that the sums stay below about 4 MB in all.
struct GradientSplit {
  int64_t image_parts, filter_parts;
};

GradientSplit split_gradient(int64_t blocks, int64_t weights, int64_t filters, int64_t groups) {
  constexpr int64_t kParts = 8, kSums = 1 << 20;
  const int64_t images = std::clamp<int64_t>(kSums / std::max<int64_t>(weights, 1), 1, std::min(blocks, kParts));
  const int64_t most = groups > 1 ? groups : chunk_count(filters, 8);
  return {images, std::clamp<int64_t>(chunk_count(kParts, images), 1, std::max<int64_t>(most, 1))};
}

/// Rows of outputs that one call of the gradient kernel covers: about 80 lines of dy for each of its 4 channels, which
/// then stay in the first-level cache while all taps pass by.
int64_t gradient_rows(const LaneGeometry& dy) {
  constexpr int64_t kLines = 80;
  return chunk_count(dy.h, chunk_count(dy.h, std::clamp<int64_t>(kLines / dy.w, 1, dy.h)));
}

/// sums[i] of every part added in the order of the parts.
Tensor add_parts(const std::vector<float>& sums, int64_t parts, const Shape& shape) {
  Tensor dw = Tensor::zeros(shape);
  float* const out = dw.mutable_data<float>();
  const int64_t count = shape.numel();
  for (int64_t p = 0; p < parts; ++p)
    for (int64_t i = 0; i < count; ++i) out[i] += sums[static_cast<size_t>(p * count + i)];
  return dw;
}

}  // namespace

Tensor forward(const KernelTable& kernels, const Tensor& x, const Tensor& w, const Window& window,
               const ConvEpilogue& epilogue) {
  const Shape &s = w.shape(), shape = conv2d_shape(x.shape(), s, window);
  const Tensor input = with_halo(x, conv2d_halo(x.shape(), s, window));
  Tensor y = Tensor::lanes(shape, halo_for(shape));
  const Tensor residual = epilogue.residual.defined() ? to_lanes(epilogue.residual, y.geometry().halo) : Tensor();
  const LaneGeometry &from = input.geometry(), &to = y.geometry();
  const int64_t groups = window.groups, filters = s[0] / groups, channels = s[1];
  const std::vector<int32_t> taps =
      distances(from, channels, window_offsets(s[2], window, 0), window_offsets(s[3], window, 1));
  const int64_t depth = static_cast<int64_t>(taps.size());
  const float* const in = input.data<float>();
  float* const out = y.mutable_data<float>();
  const int64_t strip = rows_per_chunk(to.h, to.c * depth * to.w * L);
  for_each_strip(to.blocks, to.h, strip, [&](int64_t block, int64_t begin, int64_t end) {
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t i = begin; i < end; ++i) {
        const int64_t target = to.line(block, g * filters, i, 0) * L;
        kernels.conv_lines({.x = in + from.line(block, g * channels, i * window.stride[0], 0) * L,
                            .taps = taps.data(),
                            .w = w.data<float>() + g * filters * depth,
                            .y = out + target,
                            .depth = depth,
                            .channels = filters,
                            .outputs = to.w,
                            .x_step = window.stride[1],
                            .y_plane = to.plane,
                            .w_step = depth,
                            .scale = at(epilogue.scale, g * filters),
                            .bias = at(epilogue.bias, g * filters),
                            .residual = at(residual, target),
                            .residual_plane = to.plane,
                            .relu = epilogue.relu});
      }
  });
  if (epilogue.bias.defined()) clear_dead_lanes(y);
  return y;
}

Tensor input_gradient(const KernelTable& kernels, const Tensor& dy, const Tensor& w, const Shape& x,
                      const Window& window) {
  const std::vector<AxisClass> rows = gradient_classes(x[2], w.shape()[2], window, 0);
  const std::vector<AxisClass> columns = gradient_classes(x[3], w.shape()[3], window, 1);
  const Tensor gradient = with_halo(dy, std::max(reach(rows, dy.shape()[2]), reach(columns, dy.shape()[3])));
  Tensor dx = Tensor::lanes(x, halo_for(x));
  for (const AxisClass& a : rows)
    for (const AxisClass& b : columns) input_gradient_class(kernels, gradient, w, window.groups, dx, a, b);
  return dx;
}

Tensor weight_gradient(const KernelTable& kernels, const Tensor& x, const Tensor& dy, const Shape& w,
                       const Window& window) {
  if (dy.numel() == 0) return Tensor::zeros(w);
  const Tensor input = with_halo(x, conv2d_halo(x.shape(), w, window));
  const LaneGeometry &from = input.geometry(), &to = dy.geometry();
  const int64_t groups = window.groups, filters = w[0] / groups, channels = w[1];
  const std::vector<int32_t> taps =
      distances(from, channels, window_offsets(w[2], window, 0), window_offsets(w[3], window, 1));
  const int64_t depth = static_cast<int64_t>(taps.size());
  const GradientSplit split = split_gradient(to.blocks, w.numel(), w[0], groups);
  const int64_t block_grain = chunk_count(to.blocks, split.image_parts);
  const int64_t filter_grain = groups > 1 ? chunk_count(groups, split.filter_parts) * filters
                                          : (chunk_count(w[0], split.filter_parts) + 3) / 4 * 4;
  const int64_t rows = gradient_rows(to);
  std::vector<float> sums(static_cast<size_t>(split.image_parts * w.numel()));
  const float *const in = input.data<float>(), *const gradient = dy.data<float>();
  const auto strip = [&](int64_t part, int64_t block, int64_t row, int64_t first, int64_t last) {
    for (int64_t k = first; k<last; k += groups> 1 ? filters : last - first) {
      const int64_t group = k / filters;
      kernels.conv_lines_gradient({.x = in + from.line(block, group * channels, row * window.stride[0], 0) * L,
                                   .taps = taps.data(),
                                   .dy = gradient + to.line(block, k, row, 0) * L,
                                   .dw = sums.data() + part * w.numel() + k * depth,
                                   .depth = depth,
                                   .channels = groups > 1 ? filters : last - first,
                                   .rows = std::min(rows, to.h - row),
                                   .outputs = to.w,
                                   .x_step = window.stride[1],
                                   .x_row = window.stride[0] * from.row,
                                   .dy_row = to.row,
                                   .dy_plane = to.plane,
                                   .w_step = depth});
    }
  };
  parallel_for(split.image_parts * split.filter_parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t part = i / split.filter_parts, first = i % split.filter_parts * filter_grain;
      for (int64_t b = part * block_grain; b < std::min(to.blocks, (part + 1) * block_grain); ++b)
        for (int64_t row = 0; row < to.h; row += rows) strip(part, b, row, first, std::min(w[0], first + filter_grain));
    }
  });
  return add_parts(sums, split.image_parts, w);
}

}  // namespace pith::ops::lane_conv
