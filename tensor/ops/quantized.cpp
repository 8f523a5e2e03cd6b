#include "tensor/ops/quantized.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t kLineBytes = 64;

void check(const char* op, float scale, int32_t zero_point) {
  if (!std::isfinite(scale) || scale <= 0)
    throw ArgumentError(std::string(op) + ": the scale " + std::to_string(scale) + " is not finite and above 0");
  if (zero_point < 0 || zero_point > 255)
    throw ArgumentError(std::string(op) + ": the zero point " + std::to_string(zero_point) +
                        " lies outside [0, 255], so 0 is not exact");
}

/// Calls each(block, plane, row) for every row of pixels.
template <class Each>
void for_each_row(const LaneGeometry& g, const Each& each) {
  parallel_for(g.blocks * g.planes, std::max<int64_t>(1, 4096 / std::max<int64_t>(1, g.h * g.w)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i)
                   for (int64_t y = 0; y < g.h; ++y) each(i / g.planes, i % g.planes, y);
               });
}

}  // namespace

QuantizedTensor quantize(const Tensor& x, float scale, int32_t zero_point, int64_t halo, const KernelTable& table,
                         int32_t highest) {
  check("quantize", scale, zero_point);
  if (highest < zero_point || highest < 1 || highest > 255)
    throw ArgumentError("quantize: the highest integer " + std::to_string(highest) + " lies outside [zero point, 255]");
  if (x.dtype() != DType::f32) throw TypeError("quantize: wants f32, here is " + text(x));
  const Tensor in = x.is_plain() ? to_lanes(x, 0) : x;
  const uint8_t border = static_cast<uint8_t>(zero_point);
  QuantizedTensor y{in.is_tiles() ? Tensor::tiles(x.shape(), halo, in.geometry().grid, DType::u8, border)
                                  : Tensor::lanes(x.shape(), halo, DType::u8, border),
                    scale, zero_point};
  const LaneGeometry &from = in.geometry(), &to = y.values.geometry();
  const float* const source = in.data<float>();
  uint8_t* const target = y.values.mutable_data<uint8_t>();
  for_each_row(to, [&](int64_t b, int64_t plane, int64_t row) {
    QuantizeLines q{.y = target + to.line(b, plane, row, 0) * kLineBytes,
                    .lines = to.w,
                    .scale = scale,
                    .zero_point = zero_point,
                    .highest = static_cast<uint8_t>(highest)};
    for (int64_t k = 0; k < 4; ++k)
      q.x[k] = source + from.line(b, std::min(plane * 4 + k, to.c - 1), row, 0) * LaneGeometry::kLanes;
    table.quantize_lines(q);
  });
  if (in.is_tiles()) exchange_halo(y.values, border);
  return y;
}

Tensor dequantize(const QuantizedTensor& x, const KernelTable& table) {
  check("dequantize", x.scale, x.zero_point);
  if (x.values.dtype() != DType::u8) throw TypeError("dequantize: wants u8, here is " + text(x.values));
  if (x.values.is_plain()) {
    Tensor y = Tensor::empty(x.values.shape());
    const Tensor in = x.values.contiguous();
    for (int64_t i = 0; i < y.numel(); ++i)
      y.mutable_data<float>()[i] = static_cast<float>(in.data<uint8_t>()[i] - x.zero_point) * x.scale;
    return y;
  }
  const LaneGeometry& from = x.values.geometry();
  Tensor y = x.values.is_tiles() ? Tensor::tiles(x.values.shape(), from.halo, from.grid)
                                 : Tensor::lanes(x.values.shape(), from.halo);
  const LaneGeometry& to = y.geometry();
  float* const target = y.mutable_data<float>();
  for_each_row(from, [&](int64_t b, int64_t plane, int64_t row) {
    DequantizeLines q{.x = x.values.data<uint8_t>() + from.line(b, plane, row, 0) * kLineBytes,
                      .lines = from.w,
                      .channels = std::min<int64_t>(4, from.c - plane * 4),
                      .scale = x.scale,
                      .zero_point = x.zero_point};
    for (int64_t k = 0; k < q.channels; ++k) q.y[k] = target + to.line(b, plane * 4 + k, row, 0) * LaneGeometry::kLanes;
    table.dequantize_lines(q);
  });
  y.is_tiles() ? exchange_halo(y) : clear_dead_lanes(y);
  return y;
}

QuantizedTensor in_lanes(const QuantizedTensor& x, int64_t halo) {
  check("in_lanes", x.scale, x.zero_point);
  if (x.values.dtype() != DType::u8) throw TypeError("in_lanes: wants u8, here is " + text(x.values));
  if (x.values.is_lanes() && x.values.geometry().halo >= halo) return x;
  return {to_lanes(x.values, halo, static_cast<uint8_t>(x.zero_point)), x.scale, x.zero_point};
}

Range range(const Tensor& x, const KernelTable& table) {
  if (x.dtype() != DType::f32) throw TypeError("range: wants f32, here is " + text(x));
  const Tensor in = x.is_plain() ? x.contiguous() : x;
  const int64_t count = static_cast<int64_t>(in.bytes() / sizeof(float)), grain = 1 << 16;  // halo and dead lanes are 0
  std::vector<Range> parts(static_cast<size_t>(chunk_count(count, grain)));
  parallel_for(count, grain, [&](int64_t begin, int64_t end) {
    Range& r = parts[static_cast<size_t>(begin / grain)];
    table.range(in.data<float>() + begin, end - begin, &r.lowest, &r.highest);
  });
  Range all;
  for (const Range& r : parts) all = {std::min(all.lowest, r.lowest), std::max(all.highest, r.highest)};
  return all;
}

}  // namespace pith::ops
