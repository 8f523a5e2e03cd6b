// Plans of sparse convolution (sparse_conv2d.h): kept weights sorted into the lists that the kernel walks.
#include "tensor/ops/sparse_conv2d.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

using lane_conv::AxisClass;

/// Lines of one input channel under a tile of 2 x 8 outputs.
int64_t lines_under_tile(const LaneGeometry& from, const AxisClass& rows, const AxisClass& columns) {
  const auto span = [](const AxisClass& c, int64_t extent, int64_t tile) {
    const int64_t outputs = std::min(tile, std::max<int64_t>(c.count, 1));
    return std::min(extent, (outputs - 1) * c.input_step + std::max<int64_t>(c.taps - 1, 0) * c.tap_step + 1);
  };
  return span(rows, from.h + 2 * from.halo, 2) * span(columns, from.w + 2 * from.halo, 8);
}

/// Input channels of one block: as many as leave their lines under a tile in the first-level cache (48 KB, of which y
/// and the lists want some), in blocks of equal size.
int64_t channels_per_block(int64_t channels, int64_t lines) {
  constexpr int64_t kLines = 640;
  const int64_t most = std::max<int64_t>(1, kLines / std::max<int64_t>(lines, 1));
  return (channels + chunk_count(channels, most) - 1) / std::max<int64_t>(1, chunk_count(channels, most));
}

/// For every kernel index the tap of the class that it is, or -1.
std::vector<int64_t> taps_by_kernel(const AxisClass& c, int64_t kernel) {
  std::vector<int64_t> taps(static_cast<size_t>(kernel), -1);
  for (int64_t t = 0; t < c.taps; ++t) taps[static_cast<size_t>(c.kernel + t * c.kernel_step)] = t;
  return taps;
}

/// A kept weight seen from one product: which output channel's list it is in, from which input channel it reads.
struct Ends {
  int64_t output, input;  ///< of all groups
  int64_t in_group;       ///< the input channel's number in its group
};

/// Which channels are the product's outputs, and how many inputs a group has.
struct Direction {
  bool back;
  int64_t outputs, inputs_per_group;
};

SparseConvLists make_lists(const KeptPlaces& kept, const LaneGeometry& from, const AxisClass& rows,
                           const AxisClass& columns, const Window& window, const Direction& way) {
  const int64_t channels = kept.w[1], kh = kept.w[2], kw = kept.w[3], filters = kept.w[0] / window.groups;
  SparseConvLists lists{rows, columns, 1, {}, {}, {}};
  const int64_t size = channels_per_block(way.inputs_per_group, lines_under_tile(from, rows, columns));
  lists.blocks = std::max<int64_t>(1, chunk_count(way.inputs_per_group, std::max<int64_t>(size, 1)));
  const std::vector<int64_t> row_tap = taps_by_kernel(rows, kh), column_tap = taps_by_kernel(columns, kw);
  /// Calls f(list, offset, position) for every weight that the class reads.
  const auto each = [&](const auto& f) {
    for (const uint32_t at : kept.positions) {
      const int64_t p = at, k = p / (channels * kh * kw), c = p / (kh * kw) % channels;
      const int64_t r = row_tap[static_cast<size_t>(p / kw % kh)], s = column_tap[static_cast<size_t>(p % kw)];
      if (r < 0 || s < 0) continue;
      const int64_t all = k / filters * channels + c;
      const Ends e = way.back ? Ends{all, k, k % filters} : Ends{k, all, c};
      f(static_cast<size_t>(e.in_group / size * way.outputs + e.output),
        e.input * from.plane + r * rows.tap_step * from.row + s * columns.tap_step, at);
    }
  };
  lists.start.assign(static_cast<size_t>(lists.blocks * way.outputs) + 1, 0);
  each([&](size_t list, int64_t, uint32_t) { ++lists.start[list + 1]; });
  for (size_t i = 1; i < lists.start.size(); ++i) lists.start[i] += lists.start[i - 1];
  lists.offsets.resize(lists.start.back());
  lists.position.resize(lists.start.back());
  std::vector<uint32_t> next(lists.start.begin(), lists.start.end() - 1);
  each([&](size_t list, int64_t offset, uint32_t position) {
    const uint32_t i = next[list]++;
    lists.offsets[i] = static_cast<int32_t>(offset);
    lists.position[i] = position;
  });
  return lists;
}

}  // namespace

SparseConvPlan sparse_forward_plan(const KeptPlaces& kept, const LaneGeometry& from, int64_t oh, int64_t ow,
                                   const Window& window) {
  return {{make_lists(kept, from, lane_conv::forward_class(oh, kept.w[2], window, 0),
                      lane_conv::forward_class(ow, kept.w[3], window, 1), window, {false, kept.w[0], kept.w[1]})}};
}

SparseConvPlan sparse_gradient_plan(const KeptPlaces& kept, const LaneGeometry& from, int64_t h, int64_t w,
                                    const Window& window) {
  SparseConvPlan plan;
  const Direction way{true, kept.w[1] * window.groups, kept.w[0] / window.groups};
  for (const AxisClass& rows : lane_conv::gradient_classes(h, kept.w[2], window, 0))
    for (const AxisClass& columns : lane_conv::gradient_classes(w, kept.w[3], window, 1))
      plan.classes.push_back(make_lists(kept, from, rows, columns, window, way));
  return plan;
}

}  // namespace pith::ops
