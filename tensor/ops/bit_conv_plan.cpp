#include "tensor/ops/bit_conv_plan.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "tensor/kernels/table.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t L = LaneGeometry::kLanes, kPanel = LineBitConv::kPanel;

/// Words of a chunk, so that it outweighs its handing over.
constexpr int64_t kWordsOfChunk = 1 << 20;
constexpr int64_t kPairPlanes = 3;

/// Rows of x that some neighbouring rows of outputs read.
int64_t rows_read(int64_t rows, const BinaryWeights& w, const Window& window) {
  return (rows - 1) * window.stride[0] + (w.shape[2] - 1) * window.dilation[0] + 1;
}

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

/// One word of an output channel's weights: the plane of x that it meets, and its taps.
struct WordTap {
  enum Second : uint8_t { alone, beside, below };
  int64_t plane = 0, row = 0, column = 0;
  Second second = alone;  ///< where the tap of the upper half is; with pairs the plane, too
};

std::vector<WordTap> paired_taps(int64_t rows, int64_t columns) {
  std::vector<WordTap> taps;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t s = 0; s + 1 < columns; s += 2) taps.push_back({WordTap::beside, r, s, WordTap::beside});
  for (int64_t r = 0; columns % 2 != 0 && r < rows; r += 2) {
    const WordTap::Second second = r + 1 < rows ? WordTap::below : WordTap::alone;
    taps.push_back({second, r, columns - 1, second});
  }
  return taps;
}

std::vector<WordTap> word_taps(const BinaryWeights& w) {
  if (w.has_pairs()) return paired_taps(w.shape[2], w.shape[3]);
  std::vector<WordTap> taps;
  for (int64_t p = 0; p < w.planes(); ++p)
    for (int64_t r = 0; r < w.shape[2]; ++r)
      for (int64_t s = 0; s < w.shape[3]; ++s) taps.push_back({p, r, s});
  return taps;
}

std::vector<int32_t> tap_distances(int64_t plane, int64_t row, const BinaryWeights& w, const Window& window) {
  std::vector<int32_t> distances;
  for (const WordTap& t : word_taps(w))
    distances.push_back(static_cast<int32_t>(t.plane * plane + (t.row * window.dilation[0] - window.padding[0]) * row +
                                             t.column * window.dilation[1] - window.padding[1]));
  return distances;
}

/// Taps [kh][kw] that fall outside of the image for the outputs of one class of rows and one of columns.
std::vector<size_t> taps_outside(const std::vector<bool>& rows, const std::vector<bool>& columns) {
  std::vector<size_t> taps;
  for (size_t r = 0; r < rows.size(); ++r)
    for (size_t s = 0; s < columns.size(); ++s)
      if (rows[r] || columns[s]) taps.push_back(r * columns.size() + s);
  return taps;
}

}  // namespace

std::vector<BitPlace> bit_places(const BinaryWeights& w) {
  const int64_t columns = w.shape[3], window = w.shape[2] * columns;
  const std::vector<WordTap> taps = word_taps(w);
  std::vector<BitPlace> places(static_cast<size_t>(w.planes() * window));
  for (size_t i = 0; i < taps.size(); ++i) {
    const WordTap& t = taps[i];
    const int64_t first = (w.has_pairs() ? 0 : t.plane * window) + t.row * columns + t.column;
    places[static_cast<size_t>(first)] = {static_cast<int64_t>(i), 0};
    if (t.second == WordTap::alone) continue;
    places[static_cast<size_t>(first + (t.second == WordTap::beside ? 1 : columns))] = {static_cast<int64_t>(i), 16};
  }
  return places;
}

/// The rows of x that some rows of outputs of a block of images read.
struct BitConvPlan::Strip {
  int64_t block, first, height;
};

BitConvPlan::BitConvPlan(Tensor x, const LaneGeometry& target, const BinaryWeights& w, const Window& window)
    : x_(std::move(x)),
      from_(x_.geometry()),
      target_(target),
      w_(w),
      window_(window),
      strip_(std::clamp<int64_t>(kWordsOfChunk / (w.shape[0] * w.depth() * target.w + 1), 1, target.h)),
      plane_(w.has_pairs() ? plane_lines(rows_read(strip_, w, window) * from_.row) : from_.plane),
      taps_(tap_distances(plane_, from_.row, w, window)),
      rows_(classes_of(target.h, from_.h, w.shape[2], window, 0)),
      columns_(classes_of(target.w, from_.w, w.shape[3], window, 1)),
      channels_((w.shape[0] + kPanel - 1) / kPanel * kPanel) {}

std::vector<int64_t> BitConvPlan::sums(BinaryPadding padding) const {
  const int64_t window = w_.shape[2] * w_.shape[3], all = w_.shape[1] * window;
  const int64_t times = padding == BinaryPadding::minus_one ? 0 : padding == BinaryPadding::zero ? 1 : 2;
  std::vector<int64_t> sums;
  for (const auto& rows : rows_.outside)
    for (const auto& columns : columns_.outside) {
      const std::vector<size_t> outside = taps_outside(rows, columns);
      for (int64_t k = 0; k < channels_; ++k) {
        int64_t lost = 0;
        if (k < w_.shape[0])
          for (const size_t tap : outside) lost += w_.tap_sum[static_cast<size_t>(k * window) + tap];
        sums.push_back(k < w_.shape[0] ? all + times * lost : std::numeric_limits<int32_t>::min());
      }
    }
  return sums;
}

/// x: where the first row that the window of `row` reads begins, without the padding.
LineBitConv BitConvPlan::row_of(const std::vector<int32_t>& base, const uint32_t* x, int64_t row) const {
  const size_t row_class = static_cast<size_t>(rows_.of[static_cast<size_t>(row)]);
  return {.x = x,
          .taps = taps_.data(),
          .w = w_.words.data(),
          .depth = static_cast<int64_t>(taps_.size()),
          .channels = w_.shape[0],
          .outputs = target_.w,
          .x_step = window_.stride[1],
          .y_plane = target_.plane,
          .base = base.data() + row_class * columns_.count() * static_cast<size_t>(channels_),
          .base_step = channels_,
          .classes = columns_.count() == 1 ? nullptr : columns_.of.data()};
}

/// Pixel (0, 0) of the strip's block, as if all of it lay there: x itself, or the rows that the strip reads with their
/// neighbours, which stay in the caches until they are used.
const uint32_t* BitConvPlan::words_of(const Strip& s, const KernelTable& table, Tensor& pairs) const {
  const auto* const x = reinterpret_cast<const uint32_t*>(x_.data<int32_t>());
  if (!w_.has_pairs()) return x + from_.line(s.block, 0, 0, 0) * L;
  if (!pairs.defined()) pairs = Tensor::empty({kPairPlanes * plane_ * L}, DType::s32);
  auto* const y = reinterpret_cast<uint32_t*>(pairs.mutable_data<int32_t>());
  table.line_pairs({.x = x + from_.line(s.block, 0, s.first, -from_.halo) * L,
                    .y = y,
                    .lines = s.height * from_.row,
                    .y_plane = plane_,
                    .beside = window_.dilation[1],
                    .below = window_.dilation[0] * from_.row});
  return y + (from_.halo - s.first * from_.row) * L;
}

void BitConvPlan::for_each_row(const std::vector<int32_t>& base, const KernelTable& table, const Row& run) const {
  const int64_t strips = chunk_count(target_.h, strip_);
  const int64_t words = w_.shape[0] * w_.depth() * target_.w * strip_;
  parallel_for(
      target_.blocks * strips, std::max<int64_t>(1, kWordsOfChunk / (words + 1)), [&](int64_t begin, int64_t end) {
        Tensor pairs;
        for (int64_t i = begin; i < end; ++i) {
          const int64_t row = i % strips * strip_, rows = std::min(strip_, target_.h - row);
          const Strip s{i / strips, row * window_.stride[0] - window_.padding[0], rows_read(rows, w_, window_)};
          const uint32_t* const x = words_of(s, table, pairs);
          for (int64_t r = row; r < row + rows; ++r)
            run(row_of(base, x + r * window_.stride[0] * from_.row * L, r), s.block, r);
        }
      });
}

}  // namespace pith::ops
