#include "tensor/ops/bit_conv_plan.h"

#include <algorithm>
#include <limits>

#include "tensor/kernels/table.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t L = LaneGeometry::kLanes, kPanel = LineBitConv::kPanel;

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

}  // namespace

BitConvPlan::BitConvPlan(const LaneGeometry& from, const LaneGeometry& target, const BinaryWeights& w,
                         const Window& window)
    : from_(from),
      target_(target),
      w_(w),
      window_(window),
      taps_(tap_distances(from, w, window)),
      rows_(classes_of(target.h, from.h, w.shape[2], window, 0)),
      columns_(classes_of(target.w, from.w, w.shape[3], window, 1)),
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

LineBitConv BitConvPlan::row(const std::vector<int32_t>& base, const uint32_t* x, int64_t block, int64_t row) const {
  const size_t row_class = static_cast<size_t>(rows_.of[static_cast<size_t>(row)]);
  return {.x = x + from_.line(block, 0, row * window_.stride[0], 0) * L,
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

void BitConvPlan::for_each_row(const std::function<void(int64_t, int64_t)>& run) const {
  constexpr int64_t kWords = 1 << 20;  // of a chunk, so that it outweighs its handing over
  const int64_t grain = std::max<int64_t>(1, kWords / (w_.shape[0] * w_.depth() * target_.w + 1));
  parallel_for(target_.blocks * target_.h, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) run(i / target_.h, i % target_.h);
  });
}

}  // namespace pith::ops
