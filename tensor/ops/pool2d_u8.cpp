#include "tensor/ops/pool2d_u8.h"

#include <algorithm>
#include <cstring>

#include "tensor/error.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t kLineBytes = 64;

/// One row of outputs of one plane of four channels: a line is the maximum of the lines of its window.
void max_row(const uint8_t* x, int64_t x_row, uint8_t* y, int64_t outputs, const PoolKernel& kernel, int64_t stride) {
  for (int64_t i = 0; i < outputs; ++i) {
    uint8_t best[kLineBytes] = {};
    for (int64_t r = 0; r < kernel[0]; ++r)
      for (int64_t s = 0; s < kernel[1]; ++s) {
        const uint8_t* const line = x + (r * x_row + i * stride + s) * kLineBytes;
        for (int64_t b = 0; b < kLineBytes; ++b) best[b] = std::max(best[b], line[b]);
      }
    std::memcpy(y + i * kLineBytes, best, kLineBytes);
  }
}

}  // namespace

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
  parallel_for(to.blocks * to.planes, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t row = 0; row < to.h; ++row)
        max_row(source + from.line(i / to.planes, i % to.planes, row * window.stride[0] - window.padding[0],
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
