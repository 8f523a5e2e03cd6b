#include "tensor/ops/binary_conv2d.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/bit_conv_plan.h"
#include "tensor/ops/conv2d.h"

namespace pith::ops {
namespace {

constexpr int64_t L = LaneGeometry::kLanes;

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

/// floor(a / 2), within 32 bits.
int32_t half(int64_t a) { return static_cast<int32_t>((a - (a & 1)) / 2); }

float at_or(const std::vector<float>& values, int64_t k, float otherwise) {
  return values.empty() ? otherwise : values[static_cast<size_t>(k)];
}

/// Where the counts begin, as LineBitConv wants it, and the bits that are turned round.
struct Bases {
  std::vector<int32_t> base;
  std::vector<uint32_t> inverted;
};

Bases bases_of(const BitConvPlan& plan, const BinaryTarget& to, const BinaryWeights& w) {
  Bases b;
  const std::vector<int64_t> sums = plan.sums(to.padding);
  if (to.output != BinaryOutput::bits) {
    b.base.assign(sums.begin(), sums.end());
    return b;
  }
  const int64_t channels = w.shape[0], all = w.shape[1] * w.shape[2] * w.shape[3];
  std::vector<Threshold> thresholds;
  b.inverted.assign(static_cast<size_t>((channels + 31) / 32), 0);
  for (int64_t k = 0; k < channels; ++k) {
    thresholds.push_back(threshold(at_or(to.scale, k, 1), at_or(to.bias, k, 0), all));
    if (thresholds.back().inverted) b.inverted[static_cast<size_t>(k / 32)] |= 1u << (k % 32);
  }
  for (size_t i = 0; i < sums.size(); ++i) {
    const int64_t k = static_cast<int64_t>(i) % plan.channels();
    b.base.push_back(k < channels ? half(sums[i] - thresholds[static_cast<size_t>(k)].least)
                                  : std::numeric_limits<int32_t>::min());
  }
  return b;
}

/// One row of outputs of one block of images, all channels; y: its first line.
void run_row(const KernelTable& table, LineBitConv c, const BinaryTarget& to, const Bases& b, void* y, int64_t line) {
  c.scale = to.scale.empty() ? nullptr : to.scale.data();
  c.bias = to.bias.empty() ? nullptr : to.bias.data();
  c.inverted = b.inverted.data();
  switch (to.output) {
    case BinaryOutput::s32:
      return table.conv_bits_counts(c, static_cast<int32_t*>(y) + line * L);
    case BinaryOutput::f32:
      return table.conv_bits_floats(c, static_cast<float*>(y) + line * L);
    case BinaryOutput::bits:
      return table.conv_bits_bits(c, static_cast<uint32_t*>(y) + line * L);
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
  const LaneGeometry& target = y.geometry();
  const BitConvPlan plan(x, target, w, window);
  const Bases bases = bases_of(plan, to, w);
  void* const out = y.mutable_raw();
  plan.for_each_row(bases.base, table, [&](const LineBitConv& c, int64_t block, int64_t row) {
    run_row(table, c, to, bases, out, target.line(block, 0, row, 0));
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
  const std::vector<BitPlace> places = bit_places(b);
  const T* const values = w.data<T>();
  for (int64_t i = 0; i < w.numel(); ++i) {
    const int64_t filter = i / (c * taps), channel = i / taps % c, tap = i % taps;
    const bool positive = values[i] >= T{0};
    const BitPlace& place = places[static_cast<size_t>(channel / 32 * taps + tap)];
    if (positive) b.words[b.at(filter, place.word)] |= 1u << (channel % 32 + place.shift);
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
