#include "tensor/ops/linear_s8_blocks.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t kPanel = 16;  // rows

void check(const Tensor& x, const BytePanels& w, const Tensor& bias) {
  const int64_t rows = static_cast<int64_t>(w.row.size());
  if (x.dtype() != DType::f32) throw TypeError("linear_s8_blocks: wants f32, here is " + text(x));
  if (x.shape().rank() != 2 || x.shape()[1] != w.cols)
    throw ShapeError("linear_s8_blocks: x " + text(x) + " does not fit weights " + text(Shape{rows, w.cols}));
  if (bias.defined() && (!(bias.shape() == Shape{rows}) || bias.dtype() != DType::f32))
    throw ShapeError("linear_s8_blocks: bias " + text(bias) + " does not fit " + std::to_string(rows) + " rows");
}

/// Sums of one vector to real numbers, each to its own row.
void finish(const BytePanels& w, const std::vector<int32_t>& sums, ByteScale scale, const float* bias, float* y) {
  for (size_t i = 0; i < w.row.size(); ++i) {
    const int64_t sum = sums[i] - scale.zero_point * w.row_sum[i];
    const float value = static_cast<float>(sum) * (scale.scale * w.scale[i]);
    y[w.row[i]] = bias ? value + bias[w.row[i]] : value;
  }
}

}  // namespace

BytePanels make_byte_panels(const ByteBlocks& w) {
  BytePanels p{.cols = w.cols, .blocks = {}, .places = {}, .start = {0}, .row = {}, .row_sum = {}, .scale = {}};
  p.row.resize(static_cast<size_t>(w.rows));
  std::iota(p.row.begin(), p.row.end(), 0);
  const auto count = [&](int64_t r) { return w.start[static_cast<size_t>(r) + 1] - w.start[static_cast<size_t>(r)]; };
  std::ranges::stable_sort(p.row, [&](int64_t a, int64_t b) { return count(a) > count(b); });
  for (int64_t first = 0; first < w.rows; first += kPanel) {
    const size_t base = p.blocks.size(), steps = count(p.row[static_cast<size_t>(first)]);  // of the longest row
    p.blocks.resize(base + steps * kPanel);
    p.places.resize(p.blocks.size());
    p.start.push_back(static_cast<int64_t>(p.blocks.size()) / kPanel);
    for (int64_t i = first; i < std::min(w.rows, first + kPanel); ++i) {
      const int64_t row = p.row[static_cast<size_t>(i)];
      int64_t sum = 0;
      for (size_t k = w.start[static_cast<size_t>(row)], at = base + static_cast<size_t>(i - first);
           k < w.start[static_cast<size_t>(row) + 1]; ++k, at += kPanel) {
        std::memcpy(&p.blocks[at], &w.values[k * 4], 4);
        p.places[at] = w.place[k];
        for (size_t j = 0; j < 4; ++j) sum += w.values[k * 4 + j];
      }
      p.row_sum.push_back(sum);
      p.scale.push_back(w.scale[static_cast<size_t>(row)]);
    }
  }
  return p;
}

Tensor linear_s8_blocks(const Tensor& x, const BytePanels& w, const Tensor& bias, std::optional<ByteScale> input,
                        const KernelTable& table) {
  check(x, w, bias);
  if (input) check_scale("linear_s8_blocks", *input);
  const Tensor plain = to_plain(x), added = bias.defined() ? to_plain(bias) : bias;
  const int64_t n = x.shape()[0], rows = static_cast<int64_t>(w.row.size()), step = (w.cols + 63) / 64 * 64;
  const std::vector<ByteScale> scales =
      input ? std::vector(static_cast<size_t>(n), *input) : symmetric_scales(plain, table);
  const std::vector<uint8_t> bytes = byte_rows(plain, step, scales, table);
  std::vector<int32_t> words(static_cast<size_t>(step / 4));
  const int64_t panels = std::ssize(w.start) - 1;
  std::vector<int32_t> sums(static_cast<size_t>(panels * kPanel));
  Tensor y = Tensor::empty({n, rows});
  float* const out = y.mutable_data<float>();
  constexpr int64_t kSteps = 1 << 12;  // of a chunk
  const int64_t grain = std::max<int64_t>(1, kSteps * panels / std::max<int64_t>(1, w.start.back()));
  for (int64_t i = 0; i < n; ++i) {
    std::memcpy(words.data(), bytes.data() + i * step, static_cast<size_t>(step));
    parallel_for(panels, grain, [&](int64_t begin, int64_t end) {
      table.int_block_rows({.blocks = w.blocks.data(),
                            .places = w.places.data(),
                            .start = w.start.data(),
                            .x = words.data(),
                            .sums = sums.data(),
                            .begin = begin,
                            .end = end});
    });
    finish(w, sums, scales[static_cast<size_t>(i)], added.defined() ? added.data<float>() : nullptr, out + i * rows);
  }
  return y;
}

}  // namespace pith::ops
