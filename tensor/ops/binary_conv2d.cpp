#include "tensor/ops/binary_conv2d.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/conv2d.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t L = LaneGeometry::kLanes, kPanel = LineBitConv::kPanel;

/// Outputs along one axis, sorted by which taps of the kernel fall outside of the image.
struct AxisClasses {
  std::vector<int32_t> of;                 ///< [outputs]
  std::vector<std::vector<bool>> outside;  ///< [classes][kernel]
};

AxisClasses classes_of(int64_t outputs, int64_t extent, int64_t kernel, const Window& window, size_t axis) {
  AxisClasses c;
  for (int64_t i = 0; i < outputs; ++i) {
    std::vector<bool> outside(static_cast<size_t>(kernel));
    for (int64_t r = 0; r < kernel; ++r) {
      const int64_t at = i * window.stride[axis] + r * window.dilation[axis] - window.padding[axis];
      outside[static_cast<size_t>(r)] = at < 0 || at >= extent;
    }
    const auto found = std::find(c.outside.begin(), c.outside.end(), outside);
    c.of.push_back(static_cast<int32_t>(found - c.outside.begin()));
    if (found == c.outside.end()) c.outside.push_back(outside);
  }
  return c;
}

/// A bit is set where the sum is at least `least`, or turned round below it.
struct Threshold {
  int64_t least;
  bool inverted;
};

/// scale sum + bias >= 0 for sums within [-depth, depth]. The quotient is looked at again in exact arithmetic: two
/// floats' product and sum have a double's sign.
Threshold threshold(double scale, double bias, int64_t depth) {
  const int64_t never = depth + 1, always = -depth;
  if (scale == 0) return {bias >= 0 ? always : never, false};
  const auto holds = [&](int64_t sum) { return scale * static_cast<double>(sum) + bias >= 0; };
  int64_t t = static_cast<int64_t>(
      std::clamp(std::ceil(-bias / scale), static_cast<double>(always), static_cast<double>(never)));
  const bool inverted = scale < 0;
  while (t > always && holds(t - 1) != inverted) --t;
  while (t < never && holds(t) == inverted) ++t;
  return {t, inverted};
}

/// Everything that a run needs beside the activations.
struct Plan {
  const KernelTable& table;
  const BinaryTarget& to;
  LaneGeometry from, target;
  std::vector<int32_t> taps = {};
  AxisClasses rows = {}, columns = {};
  std::vector<int32_t> base = {};       ///< [row classes][column classes][channels]
  std::vector<uint32_t> inverted = {};  ///< of bits
  int64_t channels = 0;                 ///< rounded up to whole panels
  int64_t stride_row = 1, stride_column = 1;
};

std::vector<int32_t> tap_distances(const LaneGeometry& g, const BinaryWeights& w, const Window& window) {
  std::vector<int32_t> taps;
  for (int64_t p = 0; p < w.planes(); ++p)
    for (int64_t r = 0; r < w.shape[2]; ++r)
      for (int64_t s = 0; s < w.shape[3]; ++s)
        taps.push_back(static_cast<int32_t>(p * g.plane + (r * window.dilation[0] - window.padding[0]) * g.row +
                                            s * window.dilation[1] - window.padding[1]));
  return taps;
}

/// Taps [kh][kw] that fall outside of the image for the outputs of one class of rows and one of columns.
std::vector<size_t> taps_outside(const std::vector<bool>& rows, const std::vector<bool>& columns) {
  std::vector<size_t> taps;
  for (size_t r = 0; r < rows.size(); ++r)
    for (size_t s = 0; s < columns.size(); ++s)
      if (rows[r] || columns[s]) taps.push_back(r * columns.size() + s);
  return taps;
}

/// floor(a / 2), within 32 bits.
int32_t half(int64_t a) { return static_cast<int32_t>((a - (a & 1)) / 2); }

float at_or(const std::vector<float>& values, int64_t k, float otherwise) {
  return values.empty() ? otherwise : values[static_cast<size_t>(k)];
}

/// Fills p.base (dots, or for bits the most differing bits that still set one) and p.inverted. The halo's -1 gave each
/// tap outside minus its weight: once more than a zero, twice more than a +1.
void find_bases(Plan& p, const BinaryWeights& w) {
  const int64_t window = w.shape[2] * w.shape[3], all = w.shape[1] * window, channels = w.shape[0];
  const int64_t times = p.to.padding == BinaryPadding::minus_one ? 0 : p.to.padding == BinaryPadding::zero ? 1 : 2;
  const bool bits = p.to.output == BinaryOutput::bits;
  std::vector<Threshold> thresholds;
  p.inverted.assign(static_cast<size_t>((channels + 31) / 32), 0);
  for (int64_t k = 0; bits && k < channels; ++k) {
    thresholds.push_back(threshold(at_or(p.to.scale, k, 1), at_or(p.to.bias, k, 0), all));
    if (thresholds.back().inverted) p.inverted[static_cast<size_t>(k / 32)] |= 1u << (k % 32);
  }
  for (const auto& rows : p.rows.outside)
    for (const auto& columns : p.columns.outside) {
      const std::vector<size_t> outside = taps_outside(rows, columns);
      for (int64_t k = 0; k < p.channels; ++k) {
        if (k >= channels) {
          p.base.push_back(std::numeric_limits<int32_t>::min());
          continue;
        }
        int64_t sum = 0;
        for (const size_t tap : outside) sum += w.tap_sum[static_cast<size_t>(k * window) + tap];
        const int64_t dot = all + times * sum;
        p.base.push_back(bits ? half(dot - thresholds[static_cast<size_t>(k)].least) : static_cast<int32_t>(dot));
      }
    }
}

/// One row of outputs of one block of images, all channels.
void run_row(const Plan& p, const BinaryWeights& w, const uint32_t* x, void* y, int64_t block, int64_t row) {
  const size_t row_class = static_cast<size_t>(p.rows.of[static_cast<size_t>(row)]);
  const LineBitConv c{.x = x + p.from.line(block, 0, row * p.stride_row, 0) * L,
                      .taps = p.taps.data(),
                      .w = w.words.data(),
                      .depth = static_cast<int64_t>(p.taps.size()),
                      .channels = w.shape[0],
                      .outputs = p.target.w,
                      .x_step = p.stride_column,
                      .y_plane = p.target.plane,
                      .base = p.base.data() + row_class * p.columns.outside.size() * static_cast<size_t>(p.channels),
                      .base_step = p.channels,
                      .classes = p.columns.outside.size() == 1 ? nullptr : p.columns.of.data(),
                      .scale = p.to.scale.empty() ? nullptr : p.to.scale.data(),
                      .bias = p.to.bias.empty() ? nullptr : p.to.bias.data(),
                      .inverted = p.inverted.data()};
  const int64_t at = p.target.line(block, 0, row, 0) * L;
  switch (p.to.output) {
    case BinaryOutput::s32:
      return p.table.conv_bits_counts(c, static_cast<int32_t*>(y) + at);
    case BinaryOutput::f32:
      return p.table.conv_bits_floats(c, static_cast<float*>(y) + at);
    case BinaryOutput::bits:
      return p.table.conv_bits_bits(c, static_cast<uint32_t*>(y) + at);
  }
}

int64_t halo_for(const Shape& image) { return image[2] * image[3] == 1 ? 0 : 1; }

Tensor result(const Shape& shape, BinaryOutput output) {
  if (output == BinaryOutput::bits) return Tensor::bit_lanes(shape, halo_for(shape));
  return Tensor::lanes(shape, halo_for(shape), output == BinaryOutput::f32 ? DType::f32 : DType::s32);
}

/// Without groups. x: bits with halo enough.
Tensor run(const KernelTable& table, const Tensor& x, const BinaryWeights& w, const Window& window,
           const BinaryTarget& to, const Shape& shape) {
  Tensor y = result(shape, to.output);
  if (y.numel() == 0) return y;
  Plan p{.table = table, .to = to, .from = x.geometry(), .target = y.geometry()};
  p.taps = tap_distances(p.from, w, window);
  p.rows = classes_of(shape[2], x.shape()[2], w.shape[2], window, 0);
  p.columns = classes_of(shape[3], x.shape()[3], w.shape[3], window, 1);
  p.channels = (shape[1] + kPanel - 1) / kPanel * kPanel;
  p.stride_row = window.stride[0];
  p.stride_column = window.stride[1];
  find_bases(p, w);
  const auto* const in = reinterpret_cast<const uint32_t*>(x.data<int32_t>());
  void* const out = y.mutable_raw();
  constexpr int64_t kWords = 1 << 20;  // of a chunk, so that it outweighs its handing over
  const int64_t grain = std::max<int64_t>(1, kWords / (shape[1] * w.depth() * shape[3] + 1));
  parallel_for(p.target.blocks * shape[2], grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) run_row(p, w, in, out, i / shape[2], i % shape[2]);
  });
  if (to.output != BinaryOutput::bits) clear_dead_lanes(y);
  return y;
}

BinaryWeights empty_weights(const Shape& shape) {
  BinaryWeights w{shape, {}, {}};
  w.words.assign(static_cast<size_t>((shape[0] + 3) / 4 * 4 * w.depth()), 0);
  w.tap_sum.assign(static_cast<size_t>(shape[0] * shape[2] * shape[3]), 0);
  return w;
}

BinaryWeights filters_of(const BinaryWeights& w, int64_t first, int64_t count) {
  BinaryWeights part = empty_weights(w.shape.with(0, count));
  for (int64_t k = 0; k < count; ++k)
    for (int64_t d = 0; d < w.depth(); ++d) part.words[part.at(k, d)] = w.words[w.at(first + k, d)];
  const auto sums = w.tap_sum.begin() + first * w.shape[2] * w.shape[3];
  std::copy_n(sums, part.tap_sum.size(), part.tap_sum.begin());
  return part;
}

/// Elements [first, first + count) of axis 1 of a plain tensor, contiguous.
Tensor channels_of(const Tensor& plain, int64_t first, int64_t count) {
  return plain.narrow(1, first, count).contiguous();
}

std::vector<float> part(const std::vector<float>& values, int64_t first, int64_t count) {
  if (values.empty()) return {};
  return {values.begin() + first, values.begin() + first + count};
}

/// Groups one after the other, through plain signs: right, and slow.
Tensor run_groups(const KernelTable& table, const Tensor& x, const BinaryWeights& w, const Window& window,
                  const BinaryTarget& to, const Shape& shape) {
  const int64_t filters = shape[1] / window.groups;
  const Tensor signs = to_plain(x);
  const DType dtype = to.output == BinaryOutput::f32   ? DType::f32
                      : to.output == BinaryOutput::s32 ? DType::s32
                                                       : DType::s8;
  Tensor y = Tensor::empty(shape, dtype);
  Window alone = window;
  alone.groups = 1;
  for (int64_t g = 0; g < window.groups; ++g) {
    const BinaryWeights own = filters_of(w, g * filters, filters);
    const BinaryTarget target{to.output, part(to.scale, g * filters, filters), part(to.bias, g * filters, filters),
                              to.padding};
    const Tensor part_y = binary_conv2d(channels_of(signs, g * w.shape[1], w.shape[1]), own, alone, target, table);
    y.narrow(1, g * filters, filters).copy_from(to_plain(part_y));
  }
  const int64_t halo = halo_for(shape);
  return to.output == BinaryOutput::bits ? to_bit_lanes(y, halo) : to_lanes(y, halo);
}

void check(const BinaryTarget& to, const Shape& y) {
  for (const auto* values : {&to.scale, &to.bias})
    if (!values->empty() && static_cast<int64_t>(values->size()) != y[1])
      throw ArgumentError("binary_conv2d: " + std::to_string(values->size()) + " scales or biases for " +
                          std::to_string(y[1]) + " output channels");
  for (const auto* values : {&to.scale, &to.bias})
    for (const float v : *values)
      if (!std::isfinite(v)) throw ArgumentError("binary_conv2d: a scale or a bias is not finite");
}

template <class T>
BinaryWeights pack(const Tensor& w) {
  BinaryWeights b = empty_weights(w.shape());
  const int64_t c = w.shape()[1], taps = w.shape()[2] * w.shape()[3];
  const T* const values = w.data<T>();
  for (int64_t i = 0; i < w.numel(); ++i) {
    const int64_t filter = i / (c * taps), channel = i / taps % c, tap = i % taps;
    const bool positive = values[i] >= T{0};
    if (positive) b.words[b.at(filter, channel / 32 * taps + tap)] |= 1u << (channel % 32);
    b.tap_sum[static_cast<size_t>(filter * taps + tap)] += positive ? 1 : -1;
  }
  return b;
}

}  // namespace

BinaryWeights pack_binary_weights(const Tensor& w) {
  if (w.shape().rank() != 4) throw ShapeError("pack_binary_weights: wants [k, c, kh, kw], here is " + text(w));
  if (w.shape()[1] * w.shape()[2] * w.shape()[3] > std::numeric_limits<int32_t>::max())
    throw ShapeError("pack_binary_weights: sums over " + text(w) + " may leave 32 bits");
  if (w.dtype() == DType::f32) return pack<float>(to_plain(w));
  if (w.dtype() == DType::s8) return pack<int8_t>(to_plain(w));
  throw TypeError("pack_binary_weights: wants f32 or s8, here is " + text(w));
}

Tensor binary_conv2d(const Tensor& x, const BinaryWeights& w, const Window& window, const BinaryTarget& to,
                     const KernelTable& table) {
  const Shape shape = conv2d_shape(x.shape(), w.shape, window);
  check(to, shape);
  const bool bits = x.is_lanes() && x.geometry().content == LaneContent::bits;
  const int64_t halo = conv2d_halo(x.shape(), w.shape, window);
  const Tensor signs = bits && x.geometry().halo >= halo ? x : to_bit_lanes(x, halo);
  return window.groups == 1 ? run(table, signs, w, window, to, shape) : run_groups(table, signs, w, window, to, shape);
}

}  // namespace pith::ops
