#include "tensor/ops/narrow_linear.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

/// Columns of x (rows of the caller's tensor) as the kernel reads them, up to eight side by side.
struct Columns {
  int64_t first = 0, count = 0;
  std::vector<int32_t> words;  ///< [groups * steps * 8 / bits][count]
  std::vector<int32_t> sums;   ///< [groups][count]
  std::vector<float> scale;    ///< [count]
};

Columns make_columns(const NarrowRows& w, int64_t first, int64_t count) {
  const size_t words = static_cast<size_t>(w.groups() * w.group / 4 * count);
  return {first, count, std::vector<int32_t>(words), std::vector<int32_t>(static_cast<size_t>(w.groups() * count)),
          std::vector<float>(static_cast<size_t>(count), 1.0f)};
}

/// Puts one row of x, as signed bytes, into column j.
void set_column(Columns& c, const NarrowRows& w, int64_t j, const int8_t* x) {
  auto* const bytes = reinterpret_cast<int8_t*>(c.words.data());
  for (int64_t i = 0; i < w.cols; ++i) bytes[(i / 4 * c.count + j) * 4 + i % 4] = x[i];
  for (int64_t g = 0; g < w.groups(); ++g) {
    int64_t sum = 0;
    for (int64_t i = g * w.group; i < std::min(w.cols, (g + 1) * w.group); ++i) sum += x[i];
    c.sums[static_cast<size_t>(g * c.count + j)] = static_cast<int32_t>(sum);
  }
}

/// Widths of the tiles that n columns are cut into: eights, then 4, 2, 1.
std::vector<int64_t> widths(int64_t n) {
  std::vector<int64_t> all(static_cast<size_t>(n / 8), 8);
  for (const int64_t width : {4, 2, 1})
    if (n & width) all.push_back(width);
  return all;
}

/// The largest |x|; NaN is skipped.
float magnitude(const float* x, int64_t count) {
  float most = 0;
  for (int64_t i = 0; i < count; ++i) most = std::max(most, std::fabs(x[i]));
  return most;
}

/// Integers of one row of x, stored minus `shift` so that they fit signed bytes. NaN becomes the lowest. Clamped before
/// rounding, which gives the same, so that adding and taking away 1.5 2^23 rounds half to even.
void quantize_row(const float* x, int64_t count, float scale, const NarrowInput& input, int32_t shift, int8_t* q) {
  constexpr float kRound = 12582912.0f;
  const float lowest = static_cast<float>(input.lowest - input.zero_point);
  const float highest = static_cast<float>(input.highest - input.zero_point);
  const int32_t offset = input.zero_point - shift;
  for (int64_t i = 0; i < count; ++i) {
    const float v = x[i] / scale, above = v > lowest ? v : lowest, within = above < highest ? above : highest;
    q[i] = static_cast<int8_t>(static_cast<int32_t>((within + kRound) - kRound) + offset);
  }
}

/// The largest |level - zero| of any row.
int64_t largest_weight(const NarrowRows& w) {
  int64_t most = 0;
  for (int64_t r = 0; r < w.rows; ++r) {
    const int64_t zero = w.zero[r];
    if (w.bits == 4) most = std::max({most, zero, 15 - zero});
    for (int64_t code = 0; w.bits < 4 && code < int64_t{1} << w.bits; ++code)
      most = std::max(most, std::abs(w.levels[r * 4 + code] - zero));
  }
  return most;
}

/// Refuses groups so wide that a sum of weights times signed bytes could leave 32 bits.
void check_depth(const NarrowRows& w) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max(), kLowestInput = 128, kLargestLevel = 127;
  const int64_t depth = std::min(w.group, w.cols);
  if (depth <= kMost / (kLowestInput * kLargestLevel)) return;
  const int64_t most = largest_weight(w), deepest = kMost / (kLowestInput * std::max<int64_t>(most, 1));
  if (depth > deepest)
    throw ArgumentError("narrow_linear: sums of " + std::to_string(depth) + " weights up to " + std::to_string(most) +
                        " may leave 32 bits; " + std::to_string(deepest) + " columns a scale are the most");
}

/// Every panel of w times every tile of columns. y and sums: [n][rows padded to 16].
void run(const KernelTable& table, const NarrowRows& w, const std::vector<Columns>& tiles, const float* bias, float* y,
         int32_t* sums) {
  const int64_t padded = w.panels() * 16, stride = w.groups() * w.steps() * 64;
  constexpr int64_t kBytes = 1 << 16;  // of codes in a chunk: they stay in the second-level cache for all tiles
  const int64_t grain = std::max<int64_t>(2, kBytes / std::max<int64_t>(stride, 1) / 2 * 2);
  parallel_for(w.panels(), grain, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; panel += 2)
      for (const Columns& c : tiles)
        table.narrow_product({.bits = w.bits,
                              .w = w.codes + panel * stride,
                              .levels = w.levels ? w.levels + panel * 64 : nullptr,
                              .zero = w.zero + panel * 16,
                              .x = c.words.data(),
                              .x_sum = c.sums.data(),
                              .panels = std::min<int64_t>(2, end - panel),
                              .groups = w.groups(),
                              .steps = w.steps(),
                              .columns = c.count,
                              .scale = w.scale + panel * 16 * w.groups(),
                              .x_scale = c.scale.data(),
                              .bias = bias + panel * 16,
                              .y = y ? y + c.first * padded + panel * 16 : nullptr,
                              .sums = sums ? sums + c.first * padded + panel * 16 : nullptr,
                              .y_step = padded});
  });
}

/// The first `rows` of every `padded` elements.
template <class T>
Tensor without_padding(const std::vector<T>& padded, int64_t n, int64_t rows) {
  Tensor y = Tensor::empty({n, rows}, dtype_of<T>());
  for (int64_t j = 0; j < n; ++j)
    std::memcpy(y.mutable_data<T>() + j * rows, padded.data() + j * ((rows + 15) / 16 * 16),
                static_cast<size_t>(rows) * sizeof(T));
  return y;
}

std::vector<Columns> quantized_columns(const Tensor& x, const NarrowRows& w, const NarrowInput& input) {
  std::vector<Columns> tiles;
  const int32_t shift = input.highest > 127 ? 128 : 0;
  std::vector<int8_t> row(static_cast<size_t>(w.cols));
  int64_t first = 0;
  for (const int64_t width : widths(x.shape()[0])) {
    Columns c = make_columns(w, first, width);
    for (int64_t j = 0; j < width; ++j) {
      const float* const from = x.data<float>() + (first + j) * w.cols;
      float scale = input.scale;
      if (scale == 0) scale = magnitude(from, w.cols) / static_cast<float>(input.highest);
      if (scale == 0 || !std::isfinite(scale)) scale = 1;
      quantize_row(from, w.cols, scale, input, shift, row.data());
      set_column(c, w, j, row.data());
      c.scale[static_cast<size_t>(j)] = scale;
    }
    first += width;
    tiles.push_back(std::move(c));
  }
  return tiles;
}

}  // namespace

Tensor narrow_linear(const Tensor& x, const NarrowRows& w, const NarrowInput& input, const Tensor& bias,
                     const KernelTable& table) {
  check_depth(w);
  const Tensor plain = to_plain(x), b = bias.defined() ? bias.contiguous() : bias;
  const int64_t n = plain.shape()[0], padded = w.panels() * 16;
  // What a stored 0 stands for: -(zero point) scale in every column of x.
  const int32_t stored_zero = input.scale == 0 ? 0 : input.zero_point - (input.highest > 127 ? 128 : 0);
  std::vector<float> offset(static_cast<size_t>(padded), 0.0f);
  for (int64_t r = 0; r < w.rows; ++r) {
    offset[static_cast<size_t>(r)] = b.defined() ? b.data<float>()[r] : 0.0f;
    if (stored_zero != 0)
      offset[static_cast<size_t>(r)] -= static_cast<float>(stored_zero) * input.scale * w.weight_sum[r];
  }
  std::vector<float> y(static_cast<size_t>(n * padded));
  run(table, w, quantized_columns(plain, w, input), offset.data(), y.data(), nullptr);
  const Tensor result = without_padding(y, n, w.rows);
  return x.is_lanes() ? to_lanes(result, 0) : result;
}

Tensor narrow_sums(const Tensor& x, const NarrowRows& w, const KernelTable& table) {
  check_depth(w);
  const Tensor plain = x.contiguous();
  std::vector<Columns> tiles;
  int64_t first = 0;
  for (const int64_t width : widths(plain.shape()[0])) {
    tiles.push_back(make_columns(w, first, width));
    for (int64_t j = 0; j < width; ++j) set_column(tiles.back(), w, j, plain.data<int8_t>() + (first + j) * w.cols);
    first += width;
  }
  std::vector<int32_t> sums(static_cast<size_t>(plain.shape()[0] * w.panels() * 16));
  const std::vector<float> none(static_cast<size_t>(w.panels() * 16));
  run(table, w, tiles, none.data(), nullptr, sums.data());
  return without_padding(sums, plain.shape()[0], w.rows);
}

}  // namespace pith::ops
