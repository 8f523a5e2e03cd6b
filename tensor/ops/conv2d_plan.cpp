#include "tensor/ops/conv2d_plan.h"

namespace pith::ops::lane_conv {
namespace {

/// Border that a class reads around an axis of this extent.
int64_t reach(const AxisClass& c, int64_t extent) {
  if (c.taps == 0) return 0;
  return std::max({int64_t{0}, -c.input(0, 0), c.input(c.count - 1, c.taps - 1) - (extent - 1)});
}

}  // namespace

bool clips_left(const AxisClass& c) { return c.taps == 3 && c.tap_step == 1 && c.input(0, 0) == -1; }
bool clips_right(const AxisClass& c, int64_t extent) {
  return c.taps == 3 && c.tap_step == 1 && c.input(c.count - 1, 2) == extent;
}

AxisClass forward_class(int64_t outputs, int64_t kernel, const Window& window, size_t axis) {
  return {.count = outputs,
          .taps = kernel,
          .offset = -window.padding[axis],
          .tap_step = window.dilation[axis],
          .input_step = window.stride[axis]};
}

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

int64_t gradient_halo(const Shape& x, const Shape& dy, const Shape& w, const Window& window) {
  int64_t halo = 0;
  for (const size_t axis : {size_t{0}, size_t{1}}) {
    const int at = static_cast<int>(axis) + 2;
    for (const AxisClass& c : gradient_classes(x[at], w[at], window, axis)) halo = std::max(halo, reach(c, dy[at]));
  }
  return halo;
}

WindowConv Plan::window(const float* in, float* out, int64_t block, int64_t group, int64_t begin, int64_t end) const {
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

Tensor residual_like(const Tensor& residual, const Tensor& y) {
  if (!residual.defined()) return residual;
  const LaneGeometry& g = y.geometry();
  return y.is_tiles() ? to_tiles(residual, g.grid, g.halo) : to_lanes(residual, g.halo);
}

Moments join_moments(const Tensor& sums, const Tensor& y, const Tensor& pivot) {
  constexpr double kFarthest = 100;  // squared distance over variance: two digits of seven may cancel
  const LaneGeometry& g = y.geometry();
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
    if (off * off > kFarthest * variance) return batch_moments(y);
    m.mean[static_cast<size_t>(c)] = pivot.data<float>()[c] + off;
    m.variance[static_cast<size_t>(c)] = std::max(variance, 0.0);
  }
  return m;
}

}  // namespace pith::ops::lane_conv
