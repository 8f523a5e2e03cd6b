#include "tensor/ops/conv2d_lanes.h"

#include <cmath>
#include <vector>

#include "tensor/ops/batch_norm.h"

namespace pith::ops::lane_conv {
namespace {

constexpr int64_t L = LaneGeometry::kLanes;
constexpr int64_t kGroup = 4;  // output channels whose weights lie side by side (WindowConv::w)

int64_t halo_for(const Shape& image) { return image[2] * image[3] == 1 ? 0 : 1; }

/// Along one axis, `count` outputs first, first + step, ... that read the same taps: kernel indices kernel, kernel +
/// kernel_step, ... (kernel_step may be negative), which lie at inputs offset, offset + tap_step, ... for the first of
/// them; each further output starts input_step further.
struct AxisClass {
  int64_t first = 0, step = 1, count = 0;
  int64_t taps = 0, kernel = 0, kernel_step = 1, offset = 0, tap_step = 1, input_step = 1;
  /// Input that tap t of output i reads.
  int64_t input(int64_t i, int64_t t) const { return i * input_step + offset + t * tap_step; }
};

/// Forward: all outputs are of one class.
AxisClass forward_class(int64_t outputs, int64_t kernel, const Window& window, size_t axis) {
  return {.count = outputs,
          .taps = kernel,
          .offset = -window.padding[axis],
          .tap_step = window.dilation[axis],
          .input_step = window.stride[axis]};
}

/// Way back of one axis. dx[i] sums w[r] dy[(i + padding - r dilation) / stride] where that is whole: i falls into
/// `stride` classes with taps of their own. Kernel indices run down, so that inputs are read upwards; the indices of a
/// class lie stride / gcd(stride, dilation) apart, so its inputs are equally far apart too.
std::vector<AxisClass> gradient_classes(int64_t extent, int64_t kernel, const Window& window, size_t axis) {
  const int64_t stride = window.stride[axis], dilation = window.dilation[axis];
  std::vector<AxisClass> classes;
  for (int64_t first = 0; first < std::min(stride, extent); ++first) {
    AxisClass c{.first = first, .step = stride, .count = (extent - first + stride - 1) / stride};
    for (int64_t r = kernel - 1; r >= 0; --r) {
      const int64_t reach = first + window.padding[axis] - r * dilation;
      if (reach % stride != 0) continue;
      if (c.taps == 0) c.kernel = r, c.offset = reach / stride;
      if (c.taps == 1) c.kernel_step = r - c.kernel, c.tap_step = reach / stride - c.offset;
      ++c.taps;
    }
    classes.push_back(c);
  }
  return classes;
}

/// Border that a class reads around an axis of this extent.
int64_t reach(const AxisClass& c, int64_t extent) {
  if (c.taps == 0) return 0;
  return std::max({int64_t{0}, -c.input(0, 0), c.input(c.count - 1, c.taps - 1) - (extent - 1)});
}

/// Does one tap of each outermost output, and nothing else, lie outside on the left, on the right?
bool clips_left(const AxisClass& c) { return c.taps == 3 && c.tap_step == 1 && c.input(0, 0) == -1; }
bool clips_right(const AxisClass& c, int64_t extent) {
  return c.taps == 3 && c.tap_step == 1 && c.input(c.count - 1, 2) == extent;
}

/// One product with a window: what goes in, where it goes, which rows and columns.
struct Plan {
  const LaneGeometry &from, &to;
  AxisClass rows, columns;
  int64_t groups, in_channels, channels;  ///< of one group
  bool tiled;

  int64_t depth() const { return in_channels * rows.taps * columns.taps; }
  /// Floats of one group's packed weights.
  int64_t weights() const { return (channels == 1 ? 1 : (channels + kGroup - 1) / kGroup * kGroup) * depth(); }

  /// Outputs of class rows begin .. end - 1 of one block and group. Pointers to data only; no weights, no epilogue.
  WindowConv window(const float* in, float* out, int64_t block, int64_t group, int64_t begin, int64_t end) const {
    WindowConv c;
    c.x = in + from.line(block, group * in_channels, rows.input(begin, 0), columns.input(0, 0)) * L;
    c.y = out + to.line(block, group * channels, rows.first + begin * rows.step, columns.first) * L;
    c.in_channels = in_channels, c.channels = channels, c.rows = end - begin, c.outputs = columns.count;
    c.kernel_rows = rows.taps, c.kernel_columns = columns.taps;
    c.x_plane = from.plane, c.x_row = rows.input_step * from.row, c.x_step = columns.input_step;
    c.tap_row = rows.tap_step * from.row, c.tap_column = columns.tap_step;
    c.y_plane = to.plane, c.y_row = rows.step * to.row, c.y_step = columns.step;
    c.top = rows.input(begin, 0), c.row_step = rows.input_step, c.tap_step = rows.tap_step;
    c.height = tiled ? 0 : from.h;  // the border of tiles holds their neighbours
    c.clips_left = !tiled && clips_left(columns);
    c.clips_right = !tiled && clips_right(columns, from.w);
    return c;
  }
};

Plan forward_plan(const LaneGeometry& from, const LaneGeometry& to, const Shape& w, const Window& window, bool tiled) {
  return {from,
          to,
          forward_class(to.h, w[2], window, 0),
          forward_class(to.w, w[3], window, 1),
          window.groups,
          w[1],
          w[0] / window.groups,
          tiled};
}

/// All taps in the order in which they lie, so that 4 output channels are 4 long rows side by side.
Tensor forward_weights(const Plan& plan, const Tensor& w) {
  if (plan.channels == 1) return w;
  const int64_t depth = plan.depth();
  Tensor packed = Tensor::empty({plan.groups * plan.weights()});
  float* out = packed.mutable_data<float>();
  const float* in = w.data<float>();
  for (int64_t g = 0; g < plan.groups; ++g, in += plan.channels * depth)
    for (int64_t k = 0; k < plan.channels; k += kGroup, out += kGroup * depth) {
      const float* const a = in + k * depth;
      if (k + kGroup <= plan.channels) {
        for (int64_t d = 0; d < depth; ++d)
          for (int64_t i = 0; i < kGroup; ++i) out[d * kGroup + i] = a[i * depth + d];
      } else {
        for (int64_t d = 0; d < depth; ++d)
          for (int64_t i = 0; i < kGroup; ++i) out[d * kGroup + i] = k + i < plan.channels ? a[i * depth + d] : 0.0f;
      }
    }
  return packed;
}

/// The input gradient's weights: those of the plan's taps, with output and input channels changed.
Tensor gradient_weights(const Plan& plan, const Tensor& w) {
  std::vector<int64_t> taps;  // floats from the window's first
  for (int64_t r = 0; r < plan.rows.taps; ++r)
    for (int64_t s = 0; s < plan.columns.taps; ++s)
      taps.push_back((plan.rows.kernel + r * plan.rows.kernel_step) * w.shape()[3] + plan.columns.kernel +
                     s * plan.columns.kernel_step);
  const int64_t side = plan.channels == 1 ? 1 : kGroup, size = w.shape()[2] * w.shape()[3];
  Tensor packed = Tensor::empty({plan.groups * plan.weights()});
  float* out = packed.mutable_data<float>();
  for (int64_t g = 0; g < plan.groups; ++g)
    for (int64_t k = 0; k < plan.channels; k += side)
      for (int64_t c = 0; c < plan.in_channels; ++c) {
        const float* const from = w.data<float>() + ((g * plan.in_channels + c) * plan.channels + k) * size;
        for (const int64_t t : taps)
          for (int64_t i = 0; i < side; ++i) *out++ = k + i < plan.channels ? from[i * size + t] : 0.0f;
      }
  return packed;
}

int64_t strip_height(const Plan& plan) {
  return rows_per_chunk(plan.rows.count, plan.to.c * plan.depth() * plan.columns.count * L);
}

const float* at(const Tensor& t, int64_t index) { return t.defined() ? t.data<float>() + index : nullptr; }

/// The residual as y lies.
Tensor residual_like(const Tensor& residual, const Tensor& y) {
  if (!residual.defined()) return residual;
  const LaneGeometry& g = y.geometry();
  return y.is_tiles() ? to_tiles(residual, g.grid, g.halo) : to_lanes(residual, g.halo);
}

/// Sums of one strip, per channel: two lines, of distances from the pivot and of their squares.
constexpr int64_t kSums = 2 * L;

/// Mean and variance of each channel from the strips' sums, joined in order. A channel whose mean lies so far from its
/// pivot that the difference of sums cancels is marked by a variance below zero.
Moments join(const Tensor& sums, const LaneGeometry& g, const Tensor& pivot) {
  constexpr double kFarthest = 100;  // squared distance over variance: two digits of seven may cancel
  const int64_t strips = sums.numel() / std::max<int64_t>(1, g.c * kSums),
                per_block = strips / std::max<int64_t>(1, g.blocks);
  Moments m{std::vector<double>(static_cast<size_t>(g.c)), std::vector<double>(static_cast<size_t>(g.c)),
            g.n * g.h * g.w};
  for (int64_t c = 0; c < g.c; ++c) {
    double first = 0, second = 0;
    for (int64_t i = 0; i < strips; ++i) {
      const float* const lanes = sums.data<float>() + (i * g.c + c) * kSums;
      for (int64_t l = 0; l < g.live(i / per_block); ++l) first += lanes[l], second += lanes[L + l];
    }
    const double count = static_cast<double>(m.count), off = first / count, variance = second / count - off * off;
    m.mean[static_cast<size_t>(c)] = pivot.data<float>()[c] + off;
    m.variance[static_cast<size_t>(c)] = off * off > kFarthest * variance ? -1 : std::max(variance, 0.0);
  }
  return m;
}

}  // namespace

Tensor forward(const KernelTable& kernels, const Tensor& x, const Tensor& w, const Window& window,
               const ConvEpilogue& epilogue) {
  const Shape shape = conv2d_shape(x.shape(), w.shape(), window);
  const Tensor input = with_halo(x, conv2d_halo(x.shape(), w.shape(), window));
  const bool tiled = x.is_tiles();
  Tensor y = tiled ? Tensor::tiles(shape, 1, x.geometry().grid) : Tensor::lanes(shape, halo_for(shape));
  const Tensor residual = residual_like(epilogue.residual, y);
  const Plan plan = forward_plan(input.geometry(), y.geometry(), w.shape(), window, tiled);
  const Tensor weights = forward_weights(plan, w);
  const LaneGeometry& to = y.geometry();
  float* const out = y.mutable_data<float>();
  for_each_strip(to.blocks, to.h, strip_height(plan), [&](int64_t block, int64_t begin, int64_t end, int64_t) {
    for (int64_t g = 0; g < plan.groups; ++g) {
      const int64_t channel = g * plan.channels;
      WindowConv c = plan.window(input.data<float>(), out, block, g, begin, end);
      c.w = weights.data<float>() + g * plan.weights();
      c.scale = at(epilogue.scale, channel);
      c.bias = at(epilogue.bias, channel);
      c.residual = at(residual, to.line(block, channel, begin, 0) * L);
      c.residual_plane = to.plane, c.residual_row = to.row;
      c.relu = epilogue.relu;
      kernels.conv_window(c);
    }
  });
  if (epilogue.bias.defined()) clear_dead_lanes(y);
  if (tiled) exchange_halo(y);
  return y;
}

MeasuredConv forward_measured(const KernelTable& kernels, const Tensor& x, const Tensor& w, const Window& window,
                              const Tensor& pivot) {
  const Shape shape = conv2d_shape(x.shape(), w.shape(), window);
  const Tensor input = with_halo(x, conv2d_halo(x.shape(), w.shape(), window));
  Tensor y = Tensor::lanes(shape, halo_for(shape));
  const Plan plan = forward_plan(input.geometry(), y.geometry(), w.shape(), window, false);
  const Tensor weights = forward_weights(plan, w);
  const LaneGeometry& to = y.geometry();
  const int64_t height = strip_height(plan);
  Tensor sums = Tensor::zeros({to.blocks * chunk_count(to.h, height), to.c, kSums});
  float *const out = y.mutable_data<float>(), *const all = sums.mutable_data<float>();
  for_each_strip(to.blocks, to.h, height, [&](int64_t block, int64_t begin, int64_t end, int64_t strip) {
    for (int64_t g = 0; g < plan.groups; ++g) {
      WindowConv c = plan.window(input.data<float>(), out, block, g, begin, end);
      c.w = weights.data<float>() + g * plan.weights();
      c.sums = all + (strip * to.c + g * plan.channels) * kSums;
      c.pivot = pivot.data<float>() + g * plan.channels;
      kernels.conv_window(c);
    }
  });
  Moments moments = join(sums, to, pivot);
  if (std::any_of(moments.variance.begin(), moments.variance.end(), [](double v) { return v < 0; }))
    moments = batch_moments(y);
  return {std::move(y), std::move(moments)};
}

Tensor input_gradient(const KernelTable& kernels, const Tensor& dy, const Tensor& w, const Shape& x,
                      const Window& window) {
  const std::vector<AxisClass> rows = gradient_classes(x[2], w.shape()[2], window, 0);
  const std::vector<AxisClass> columns = gradient_classes(x[3], w.shape()[3], window, 1);
  int64_t halo = 0;
  for (const AxisClass& c : rows) halo = std::max(halo, reach(c, dy.shape()[2]));
  for (const AxisClass& c : columns) halo = std::max(halo, reach(c, dy.shape()[3]));
  const Tensor gradient = with_halo(dy, halo);
  Tensor dx = Tensor::lanes(x, halo_for(x));
  float* const out = dx.mutable_data<float>();
  const int64_t filters = w.shape()[0] / window.groups;
  for (const AxisClass& a : rows)
    for (const AxisClass& b : columns) {
      const Plan plan{gradient.geometry(), dx.geometry(), a, b, window.groups, filters, w.shape()[1], false};
      const Tensor weights = gradient_weights(plan, w);
      for_each_strip(plan.to.blocks, a.count, strip_height(plan),
                     [&](int64_t block, int64_t begin, int64_t end, int64_t) {
                       for (int64_t g = 0; g < plan.groups; ++g) {
                         WindowConv c = plan.window(gradient.data<float>(), out, block, g, begin, end);
                         c.w = weights.data<float>() + g * plan.weights();
                         kernels.conv_window(c);
                       }
                     });
    }
  return dx;
}

}  // namespace pith::ops::lane_conv
