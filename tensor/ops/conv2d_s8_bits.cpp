#include "tensor/ops/conv2d_s8_bits.h"

#include <algorithm>

#include "tensor/kernels/table.h"
#include "tensor/ops/bit_conv_plan.h"
#include "tensor/ops/conv2d.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t L = LaneGeometry::kLanes, kLineBytes = 64, kPlaneChannels = 4, kWordChannels = 32;

/// The bits of x's bytes; the halo is 0.
Tensor bits_of(const Tensor& x, int64_t halo, const KernelTable& table) {
  Tensor y = Tensor::bit_lanes(x.shape(), halo);
  const LaneGeometry &from = x.geometry(), &to = y.geometry();
  const uint8_t* const in = x.data<uint8_t>();
  auto* const out = reinterpret_cast<uint32_t*>(y.mutable_data<int32_t>());
  parallel_for(to.blocks * to.planes, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t block = i / to.planes, word = i % to.planes;
      const int64_t channels = std::min(kWordChannels, to.c - word * kWordChannels);
      for (int64_t row = 0; row < to.h; ++row)
        table.line_flags({.x = in + from.line(block, word * kWordChannels / kPlaneChannels, row, 0) * kLineBytes,
                          .y = out + to.line(block, word, row, 0) * L,
                          .planes = (channels + kPlaneChannels - 1) / kPlaneChannels,
                          .pixels = to.w,
                          .x_plane = from.plane,
                          .live = channels == kWordChannels ? ~0u : (1u << channels) - 1});
    }
  });
  return y;
}

/// x = (s + 1) / 2 for a sign s, so twice bias + sum of w x is 2 bias + sum of w + sum of w s, and a bit's kernel knows
/// the last. It reads the border as -1, an x of 0; a zero point of 1 makes it 1.
std::vector<int32_t> bases_of(const BitConvPlan& plan, const IntWeights& w) {
  const std::vector<int64_t> sums = plan.sums(w.zero_point == 0 ? BinaryPadding::minus_one : BinaryPadding::plus_one);
  const int64_t channels = w.shape[0], window = w.shape[2] * w.shape[3];
  std::vector<int64_t> more(static_cast<size_t>(plan.channels()), 0);
  for (int64_t k = 0; k < channels; ++k) {
    int64_t& sum = more[static_cast<size_t>(k)];
    sum = 2 * int64_t{w.bias[static_cast<size_t>(k)]};
    for (int64_t tap = 0; tap < window; ++tap) sum += w.signs.tap_sum[static_cast<size_t>(k * window + tap)];
  }
  std::vector<int32_t> bases;
  for (size_t i = 0; i < sums.size(); ++i) bases.push_back(static_cast<int32_t>(sums[i] + more[i % more.size()]));
  return bases;
}

/// Sums come twice as large, so scales are half as large: both exact.
std::vector<float> half_scales(const IntTarget& to) {
  std::vector<float> scales;
  for (const float s : to.scale) scales.push_back(s / 2);
  scales.resize((scales.size() + kPlaneChannels - 1) / kPlaneChannels * kPlaneChannels, 1.0f);
  return scales;
}

}  // namespace

bool bits_pay(const QuantizedTensor& x, const IntWeights& w, const IntTarget& to) {
  constexpr int64_t kChannels = 16;  // the fewest that were measured: as fast as bytes on AVX-512, faster on AVX2
  return w.signs.shape.rank() == 4 && w.shape[1] >= kChannels && to.dtype == DType::u8 && !x.values.is_tiles();
}

Tensor conv2d_s8_bits(const QuantizedTensor& x, const IntWeights& w, const Window& window, const IntTarget& to,
                      const Shape& shape, const KernelTable& table) {
  Tensor y = Tensor::lanes(shape, shape[2] * shape[3] == 1 ? 0 : 1, DType::u8, static_cast<uint8_t>(to.zero_point));
  const Tensor bits = bits_of(x.values, conv2d_halo(x.values.shape(), w.shape, window), table);
  const LaneGeometry& target = y.geometry();
  const BitConvPlan plan(bits, target, w.signs, window);
  const std::vector<int32_t> bases = bases_of(plan, w);
  const std::vector<float> scales = half_scales(to);
  Requantize rule{.scale = scales.data(),
                  .zero_point = to.zero_point,
                  .lowest = static_cast<uint8_t>(to.relu ? to.zero_point : 0),
                  .highest = static_cast<uint8_t>(to.highest),
                  .residual_scale = to.residual_scale,
                  .residual_zero = to.residual.zero_point};
  const Tensor residual = to.residual.values.defined() ? in_lanes(to.residual, 0).values : Tensor();
  const uint8_t* const beside = residual.defined() ? residual.data<uint8_t>() : nullptr;
  if (beside != nullptr) rule.residual_plane = residual.geometry().plane;
  uint8_t* const out = y.mutable_data<uint8_t>();
  plan.for_each_row(bases, table, [&](const LineBitConv& c, int64_t block, int64_t row) {
    Requantize here = rule;
    if (beside != nullptr) here.residual = beside + residual.geometry().line(block, 0, row, 0) * kLineBytes;
    table.conv_bits_bytes(c, here, out + target.line(block, 0, row, 0) * kLineBytes);
  });
  return y;
}

}  // namespace pith::ops
