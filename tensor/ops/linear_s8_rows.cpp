#include "tensor/ops/linear_s8_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/quantized.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t kDepth = 65536;  // of one kernel call: a multiple of 64 not above max_depth (65 793)

void check(const Tensor& x, const ByteRows& w, const Tensor& bias) {
  if (x.dtype() != DType::f32) throw TypeError("linear_s8_rows: wants f32, here is " + text(x));
  if (x.shape().rank() != 2 || x.shape()[1] != w.cols)
    throw ShapeError("linear_s8_rows: x " + text(x) + " does not fit weights " + text(Shape{w.rows, w.cols}));
  if (bias.defined() && (!(bias.shape() == Shape{w.rows}) || bias.dtype() != DType::f32))
    throw ShapeError("linear_s8_rows: bias " + text(bias) + " does not fit " + std::to_string(w.rows) + " rows");
}

}  // namespace

std::vector<ByteScale> symmetric_scales(const Tensor& x, const KernelTable& table) {
  std::vector<ByteScale> scales;
  for (int64_t i = 0; i < x.shape()[0]; ++i) {
    const Range r = range(x.select(0, i), table);
    const float most = std::max(r.highest, -r.lowest);
    if (!std::isfinite(most)) throw NumericError("symmetric_scales: x holds an infinity, which has no scale in 8 bits");
    scales.push_back({most > 0 ? std::max(most / 127, 1e-38f) : 1.0f, 128});
  }
  return scales;
}

void check_scale(const char* op, ByteScale input) {
  if (!std::isfinite(input.scale) || input.scale <= 0 || input.zero_point < 0 || input.zero_point > 255)
    throw ArgumentError(std::string(op) + ": wants a finite scale above 0 and a zero point in [0, 255]");
}

std::vector<uint8_t> byte_rows(const Tensor& x, int64_t step, std::span<const ByteScale> to, const KernelTable& table) {
  const int64_t n = x.shape()[0], cols = x.shape()[1], lines = step / 64;
  std::vector<uint8_t> out(static_cast<size_t>(n * step));
  std::vector<float> padded(static_cast<size_t>(step));
  std::vector<uint8_t> bytes(static_cast<size_t>(step));
  for (int64_t i = 0; i < n; ++i) {
    std::memcpy(padded.data(), x.data<float>() + i * cols, static_cast<size_t>(cols) * sizeof(float));
    // The kernel joins four planes of 16 lanes; here they are the four quarters of 64 neighbours.
    const float* const from = padded.data();
    const ByteScale& by = to[static_cast<size_t>(i)];
    for (int64_t line = 0; line < lines; ++line) {
      QuantizeLines q{.y = bytes.data() + line * 64, .lines = 1, .scale = by.scale, .zero_point = by.zero_point};
      for (int64_t k = 0; k < 4; ++k) q.x[k] = from + line * 64 + k * 16;
      table.quantize_lines(q);
    }
    uint8_t* const row = out.data() + i * step;
    for (int64_t c = 0; c < cols; ++c) row[c] = bytes[static_cast<size_t>(c / 64 * 64 + c % 16 * 4 + c % 64 / 16)];
  }
  return out;
}

Tensor linear_s8_rows(const Tensor& x, const ByteRows& w, const Tensor& bias, std::optional<ByteScale> input,
                      const KernelTable& table) {
  check(x, w, bias);
  const Tensor plain = to_plain(x), added = bias.defined() ? to_plain(bias) : bias;
  if (input) check_scale("linear_s8_rows", *input);
  const int64_t n = x.shape()[0], step = (w.cols + 63) / 64 * 64;
  const std::vector<ByteScale> scales =
      input ? std::vector(static_cast<size_t>(n), *input) : symmetric_scales(plain, table);
  Tensor y = Tensor::empty({n, w.rows});
  const std::vector<uint8_t> bytes = byte_rows(plain, step, scales, table);
  float* const out = y.mutable_data<float>();
  const float* const add = added.defined() ? added.data<float>() : nullptr;
  const int64_t grain = std::clamp<int64_t>((1 << 18) / std::max<int64_t>(1, w.cols * n), 4, 1024) / 4 * 4;
  parallel_for(w.rows, grain, [&](int64_t begin, int64_t end) {
    const int64_t rows = end - begin;
    std::vector<int32_t> part(static_cast<size_t>(n * rows));
    std::vector<int64_t> sums(part.size());
    for (int64_t first = 0; first < w.cols; first += kDepth) {
      table.int_rows({.w = w.w + begin * w.step + first,
                      .x = bytes.data() + first,
                      .sums = part.data(),
                      .depth = std::min(kDepth, w.cols - first),
                      .rows = rows,
                      .vectors = n,
                      .w_step = w.step,
                      .x_step = step,
                      .sums_step = rows});
      for (size_t i = 0; i < sums.size(); ++i) sums[i] += part[i];
    }
    for (int64_t i = 0; i < n; ++i) {
      const ByteScale& scale = scales[static_cast<size_t>(i)];
      for (int64_t r = begin; r < end; ++r) {
        const size_t k = static_cast<size_t>(r);
        const int64_t sum = sums[static_cast<size_t>(i * rows + r - begin)] - scale.zero_point * w.row_sums[k];
        const float value = static_cast<float>(sum) * (scale.scale * w.scale[k]);
        out[i * w.rows + r] = add != nullptr ? value + add[r] : value;
      }
    }
  });
  return y;
}

Tensor byte_rounded(const Tensor& x, const KernelTable& table) {
  if (x.dtype() != DType::f32) throw TypeError("byte_rounded: wants f32, here is " + text(x));
  if (x.shape().rank() != 2) throw ShapeError("byte_rounded: wants [n, cols], here is " + text(x));
  const Tensor plain = to_plain(x).contiguous();
  const int64_t n = x.shape()[0], cols = x.shape()[1], step = (cols + 63) / 64 * 64;
  const std::vector<ByteScale> scales = symmetric_scales(plain, table);
  const std::vector<uint8_t> bytes = byte_rows(plain, step, scales, table);
  Tensor y = Tensor::empty({n, cols});
  float* to = y.mutable_data<float>();
  for (int64_t i = 0; i < n; ++i) {
    const auto [scale, zero_point] = scales[static_cast<size_t>(i)];
    for (int64_t c = 0; c < cols; ++c)
      *to++ = scale * static_cast<float>(bytes[static_cast<size_t>(i * step + c)] - zero_point);
  }
  return y;
}

}  // namespace pith::ops
