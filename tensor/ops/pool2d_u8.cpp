#include "tensor/ops/pool2d_u8.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t kLineBytes = 64;

/// 16 bytes: what every x86-64 takes the maximum of at once.
using Bytes = uint8_t __attribute__((vector_size(16)));

/// One row of outputs of one plane of four channels: a line is the maximum of the lines of its window, of which N parts
/// hold living images.
template <size_t N>
void max_row(const uint8_t* x, int64_t x_row, uint8_t* y, int64_t outputs, const PoolKernel& kernel, int64_t stride) {
  for (int64_t i = 0; i < outputs; ++i) {
    Bytes best[N] = {};
    for (int64_t r = 0; r < kernel[0]; ++r)
      for (int64_t s = 0; s < kernel[1]; ++s) {
        Bytes line[N];
        std::memcpy(line, x + (r * x_row + i * stride + s) * kLineBytes, sizeof line);
        for (size_t b = 0; b < N; ++b) best[b] = best[b] > line[b] ? best[b] : line[b];
      }
    std::memcpy(y + i * kLineBytes, best, sizeof best);
  }
}

/// Adds up the lines of one plane, byte by byte: [lane][4 channels].
void sum_lines(const uint8_t* plane, const LaneGeometry& g, uint32_t* sums) {
  std::fill_n(sums, kLineBytes, 0u);
  for (int64_t row = 0; row < g.h; ++row) {
    const uint8_t* const line = plane + row * g.row * kLineBytes;
    for (int64_t i = 0; i < g.w; ++i)
      for (int64_t b = 0; b < kLineBytes; ++b) sums[b] += line[i * kLineBytes + b];
  }
}

/// Four channels of one block of x: the sums of its images, at [channel][image % 16].
void mean_plane(const QuantizedTensor& x, int64_t block, int64_t plane, int64_t* sums) {
  constexpr int64_t L = LaneGeometry::kLanes;
  const LaneGeometry& g = x.values.geometry();
  const int64_t count = g.grid.count(), zero = g.h * g.w * x.zero_point;
  uint32_t bytes[kLineBytes];
  sum_lines(x.values.data<uint8_t>() + g.line(block, plane, 0, 0) * kLineBytes, g, bytes);
  for (int64_t lane = 0; lane < g.live(block); ++lane)
    for (int64_t k = 0; k < 4; ++k)
      sums[k * L + (block * g.images() + lane / count) % L] += static_cast<int64_t>(bytes[lane * 4 + k]) - zero;
}

}  // namespace

Tensor mean_pool2d_u8(const QuantizedTensor& given, const IntTarget& to, const KernelTable& table) {
  const QuantizedTensor x = given.values.is_plain() ? in_lanes(given, 0) : given;
  const Shape& s = x.values.shape();
  if (x.values.dtype() != DType::u8 || to.dtype != DType::u8)
    throw TypeError("mean_pool2d_u8: wants u8 and gives u8, here is " + text(x.values));
  if (s.rank() != 4) throw ShapeError("mean_pool2d_u8: wants an image [n, c, h, w], here is " + text(x.values));
  if (std::ssize(to.scale) != s[1] || to.residual.values.defined())
    throw ArgumentError("mean_pool2d_u8: wants a scale for each of " + std::to_string(s[1]) +
                        " channels and no residual");
  const LaneGeometry& from = x.values.geometry();
  Tensor y = Tensor::lanes({s[0], s[1], 1, 1}, 0, DType::u8, static_cast<uint8_t>(to.zero_point));
  const LaneGeometry& target = y.geometry();
  std::vector<float> scale = to.scale;
  scale.resize(static_cast<size_t>(from.planes * 4), 1.0f);
  const uint8_t lowest = static_cast<uint8_t>(to.relu ? to.zero_point : 0);
  uint8_t* const out = y.mutable_data<uint8_t>();
  const int64_t cut = LaneGeometry::kLanes / from.images();  // blocks of x in one of y
  parallel_for(target.blocks * target.planes, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t block = i / target.planes, plane = i % target.planes;
      int64_t sums[kLineBytes] = {};
      for (int64_t b = block * cut; b < std::min(from.blocks, (block + 1) * cut); ++b) mean_plane(x, b, plane, sums);
      table.requantize_wide({.sums = sums,
                             .plane = LaneGeometry::kLanes,
                             .lines = 1,
                             .y = out + target.line(block, plane, 0, 0) * kLineBytes,
                             .to = {.scale = scale.data() + plane * 4,
                                    .zero_point = to.zero_point,
                                    .lowest = lowest,
                                    .highest = static_cast<uint8_t>(to.highest)}});
    }
  });
  return y;
}

QuantizedTensor max_pool2d_u8(const QuantizedTensor& x, const PoolKernel& kernel, const Window& window) {
  const Shape& s = x.values.shape();
  if (s.rank() != 4) throw ShapeError("max_pool2d_u8: wants an image [n, c, h, w], here is " + text(x.values));
  const int64_t padding = std::max(window.padding[0], window.padding[1]);
  if (padding > 0 && x.zero_point != 0)
    throw ArgumentError("max_pool2d_u8: padding wants a zero point of 0, it is " + std::to_string(x.zero_point));
  if (padding > 0 && (window.padding[0] >= kernel[0] || window.padding[1] >= kernel[1]))
    throw ShapeError("max_pool2d_u8: a window would see padding alone; take less padding");
  const Shape shape{s[0], s[1], window_extent(s[2], kernel[0], window.stride[0], window.padding[0], 1, "max_pool2d_u8"),
                    window_extent(s[3], kernel[1], window.stride[1], window.padding[1], 1, "max_pool2d_u8")};
  const QuantizedTensor in = in_lanes(x, padding);
  QuantizedTensor y{
      Tensor::lanes(shape, shape[2] * shape[3] == 1 ? 0 : 1, DType::u8, static_cast<uint8_t>(x.zero_point)), x.scale,
      x.zero_point};
  const LaneGeometry &from = in.values.geometry(), &to = y.values.geometry();
  const uint8_t* const source = in.values.data<uint8_t>();
  uint8_t* const target = y.values.mutable_data<uint8_t>();
  constexpr int64_t kImages = sizeof(Bytes) / 4;  // of one part of a line
  const auto row_of = s[0] <= kImages ? max_row<1> : max_row<kLineBytes / sizeof(Bytes)>;
  parallel_for(to.blocks * to.planes, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t row = 0; row < to.h; ++row)
        row_of(source + from.line(i / to.planes, i % to.planes, row * window.stride[0] - window.padding[0],
                                  -window.padding[1]) *
                            kLineBytes,
               from.row, target + to.line(i / to.planes, i % to.planes, row, 0) * kLineBytes, to.w, kernel,
               window.stride[1]);
  });
  return y;
}

QuantizedTensor flatten_u8(const QuantizedTensor& x) {
  const Shape& s = x.values.shape();
  if (s.rank() != 4) throw ShapeError("flatten_u8: wants an image [n, c, h, w], here is " + text(x.values));
  const Tensor plain = to_plain(x.values).view(Shape{s[0], s[1] * s[2] * s[3]});
  return in_lanes({plain, x.scale, x.zero_point}, 0);
}

}  // namespace pith::ops
