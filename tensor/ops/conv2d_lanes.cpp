#include "tensor/ops/conv2d_lanes.h"

#include <vector>

#include "tensor/ops/conv2d_plan.h"

namespace pith::ops::lane_conv {
namespace {

constexpr int64_t kGroup = 4;  // output channels whose weights lie side by side (WindowConv::w)

/// Floats of one group's packed weights.
int64_t packed_size(const Plan& plan) {
  return (plan.channels == 1 ? 1 : (plan.channels + kGroup - 1) / kGroup * kGroup) * plan.depth();
}

/// The input gradient's weights: those of the plan's taps, with output and input channels changed.
Tensor gradient_weights(const Plan& plan, const Tensor& w) {
  std::vector<int64_t> taps;  // floats from the window's first
  for (int64_t r = 0; r < plan.rows.taps; ++r)
    for (int64_t s = 0; s < plan.columns.taps; ++s)
      taps.push_back((plan.rows.kernel + r * plan.rows.kernel_step) * w.shape()[3] + plan.columns.kernel +
                     s * plan.columns.kernel_step);
  const int64_t side = plan.channels == 1 ? 1 : kGroup, size = w.shape()[2] * w.shape()[3];
  Tensor packed = Tensor::empty({plan.groups * packed_size(plan)});
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

}  // namespace

Tensor pack_weights(const KernelTable& kernels, const Tensor& w, int64_t groups) {
  const int64_t channels = w.shape()[0] / groups, depth = w.numel() / std::max<int64_t>(1, w.shape()[0]);
  if (channels == 1) return w;
  Tensor packed = Tensor::empty({groups * chunk_count(channels, kGroup) * kGroup * depth});
  float* out = packed.mutable_data<float>();
  const float* in = w.data<float>();
  for (int64_t g = 0; g < groups; ++g, in += channels * depth)
    for (int64_t k = 0; k < channels; k += kGroup, out += kGroup * depth) {
      const float* const a = in + k * depth;
      if (k + kGroup <= channels) {
        kernels.interleave_four(a, depth, depth, out);
      } else {
        for (int64_t d = 0; d < depth; ++d)
          for (int64_t i = 0; i < kGroup; ++i) out[d * kGroup + i] = k + i < channels ? a[i * depth + d] : 0.0f;
      }
    }
  return packed;
}

Tensor forward(const KernelTable& kernels, const Tensor& x, const Tensor& w, const Window& window,
               const ConvEpilogue& epilogue) {
  const Shape shape = conv2d_shape(x.shape(), w.shape(), window);
  const Tensor input = with_halo(x, conv2d_halo(x.shape(), w.shape(), window));
  const bool tiled = x.is_tiles();
  Tensor y = tiled ? Tensor::tiles(shape, 1, x.geometry().grid) : Tensor::lanes(shape, halo_for(shape));
  const Tensor residual = residual_like(epilogue.residual, y);
  const Plan plan = forward_plan(input.geometry(), y.geometry(), w.shape(), window, tiled);
  const Tensor weights = epilogue.packed.defined() ? epilogue.packed : pack_weights(kernels, w, window.groups);
  const LaneGeometry& to = y.geometry();
  float* const out = y.mutable_data<float>();
  for_each_strip(to.blocks, to.h, strip_height(plan), [&](int64_t block, int64_t begin, int64_t end, int64_t) {
    for (int64_t g = 0; g < plan.groups; ++g) {
      const int64_t channel = g * plan.channels;
      WindowConv c = plan.window(input.data<float>(), out, block, g, begin, end);
      c.w = weights.data<float>() + g * packed_size(plan);
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
  const Tensor weights = pack_weights(kernels, w, window.groups);
  const LaneGeometry& to = y.geometry();
  const int64_t height = strip_height(plan);
  Tensor sums = Tensor::zeros({to.blocks * chunk_count(to.h, height), to.c, kSums});
  float *const out = y.mutable_data<float>(), *const all = sums.mutable_data<float>();
  for_each_strip(to.blocks, to.h, height, [&](int64_t block, int64_t begin, int64_t end, int64_t strip) {
    for (int64_t g = 0; g < plan.groups; ++g) {
      WindowConv c = plan.window(input.data<float>(), out, block, g, begin, end);
      c.w = weights.data<float>() + g * packed_size(plan);
      c.sums = all + (strip * to.c + g * plan.channels) * kSums;
      c.pivot = pivot.data<float>() + g * plan.channels;
      kernels.conv_window(c);
    }
  });
  Moments moments = join_moments(sums, y, pivot);
  return {std::move(y), std::move(moments)};
}

Tensor input_gradient(const KernelTable& kernels, const Tensor& dy, const Tensor& w, const Shape& x,
                      const Window& window) {
  const std::vector<AxisClass> rows = gradient_classes(x[2], w.shape()[2], window, 0);
  const std::vector<AxisClass> columns = gradient_classes(x[3], w.shape()[3], window, 1);
  const Tensor gradient = with_halo(dy, gradient_halo(x, dy.shape(), w.shape(), window));
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
                         c.w = weights.data<float>() + g * packed_size(plan);
                         kernels.conv_window(c);
                       }
                     });
    }
  return dx;
}

}  // namespace pith::ops::lane_conv
