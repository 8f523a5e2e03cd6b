// Plans of sparse convolution (sparse_conv2d.h): kept weights sorted into the lists that the kernel walks.
#include <algorithm>
#include <utility>

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

/// Input channels of one block: as many as leave their lines under a tile about in the first-level cache (32 KB and
/// more), in blocks of equal size; twice as many where lists would get so short (`kept` weights an input and an
/// output channel) that to save and load the sums costs more than lines from the second-level cache. Measured on Zen 4,
/// 2 x 8 outputs: 16 channels of 3 x 3 at 80 and 90 %, 32 at 95 %.
int64_t channels_per_block(int64_t channels, int64_t lines, double kept) {
  constexpr int64_t kLines = 640;
  constexpr double kShortest = 10;
  int64_t most = std::max<int64_t>(1, kLines / std::max<int64_t>(lines, 1));
  if (static_cast<double>(most) * kept < kShortest) most *= 2;
  return (channels + chunk_count(channels, most) - 1) / std::max<int64_t>(1, chunk_count(channels, most));
}

/// For every kernel index the tap of the class that it is, or -1.
std::vector<int64_t> taps_by_kernel(const AxisClass& c, int64_t kernel) {
  std::vector<int64_t> taps(static_cast<size_t>(kernel), -1);
  for (int64_t t = 0; t < c.taps; ++t) taps[static_cast<size_t>(c.kernel + t * c.kernel_step)] = t;
  return taps;
}

/// Which channels are the product's outputs, and how many inputs a group has.
struct Direction {
  bool back;
  int64_t outputs, inputs_per_group;
};

/// Kept taps of one kernel row between two channels, in the order in which they lie.
struct TapRow {
  std::vector<std::pair<int64_t, uint32_t>> taps;  ///< tap of the class, position in the dense weight
  int64_t input = 0, row = 0;                      ///< channel of all groups, tap row
  size_t list = 0;
};

/// Sorts the taps of rows into the parts of their lists (KeptTaps).
class PartsOfLists {
 public:
  PartsOfLists(const LaneGeometry& from, const AxisClass& rows, const AxisClass& columns)
      : from_(from),
        row_step_(rows.tap_step * from.row),
        tap_step_(columns.tap_step),
        last_tap_(columns.taps - 1),
        left_(lane_conv::clips_left(columns)),
        right_(lane_conv::clips_right(columns, from.w)),
        pairs_(columns.tap_step == 1 && columns.input_step == 1) {}

  /// Calls f(part's number among all, offset, position) for every tap.
  template <class F>
  void each(const TapRow& row, const F& f) const {
    const size_t first = row.list * KeptTaps::kParts;
    const auto put = [&](KeptTaps::Part part, const auto& tap) {
      f(first + part, row.input * from_.plane + row.row * row_step_ + tap.first * tap_step_, tap.second);
    };
    for (size_t i = 0; i < row.taps.size(); ++i) {
      const auto& tap = row.taps[i];
      if (pairs_ && i + 1 < row.taps.size() && row.taps[i + 1].first == tap.first + 1) {
        const KeptTaps::Part part = left_ && tap.first == 0 ? KeptTaps::kPairsOnLeft : KeptTaps::kPairs;
        put(part, tap), put(part, row.taps[++i]);
      } else {
        put(left_ && tap.first == 0            ? KeptTaps::kOnLeft
            : right_ && tap.first == last_tap_ ? KeptTaps::kOnRight
                                               : KeptTaps::kInside,
            tap);
      }
    }
  }

 private:
  const LaneGeometry& from_;
  int64_t row_step_, tap_step_, last_tap_;
  bool left_, right_, pairs_;
};

/// Calls f(row) for every kernel row with kept taps that the class reads; `size` input channels to a block.
template <class F>
void each_tap_row(const KeptPlaces& kept, const SparseConvLists& lists, const Window& window, const Direction& way,
                  int64_t size, const F& f) {
  const int64_t channels = kept.w[1], kh = kept.w[2], kw = kept.w[3], filters = kept.w[0] / window.groups;
  const std::vector<int64_t> row_tap = taps_by_kernel(lists.rows, kh), column_tap = taps_by_kernel(lists.columns, kw);
  TapRow row;
  for (size_t i = 0; i < kept.positions.size();) {
    const int64_t line = kept.positions[i] / kw, k = line / (channels * kh), c = line / kh % channels;
    row.taps.clear();
    for (; i < kept.positions.size() && kept.positions[i] / kw == line; ++i)
      if (const int64_t tap = column_tap[static_cast<size_t>(kept.positions[i] % kw)]; tap >= 0)
        row.taps.emplace_back(tap, kept.positions[i]);
    row.row = row_tap[static_cast<size_t>(line % kh)];
    if (row.row < 0) continue;
    if (lists.columns.kernel_step < 0) std::reverse(row.taps.begin(), row.taps.end());
    const int64_t all = k / filters * channels + c, in_group = way.back ? k % filters : c;
    row.input = way.back ? k : all;
    row.list = static_cast<size_t>(in_group / size * way.outputs + (way.back ? all : k));
    f(row);
  }
}

SparseConvLists make_lists(const KeptPlaces& kept, const LaneGeometry& from, const AxisClass& rows,
                           const AxisClass& columns, const Window& window, const Direction& way) {
  SparseConvLists lists{rows, columns, 1, {}, {}, {}};
  const double between = static_cast<double>(kept.positions.size()) /
                         static_cast<double>(std::max<int64_t>(1, way.outputs * way.inputs_per_group));
  const int64_t size =
      std::max<int64_t>(1, channels_per_block(way.inputs_per_group, lines_under_tile(from, rows, columns), between));
  lists.blocks = std::max<int64_t>(1, chunk_count(way.inputs_per_group, size));
  const PartsOfLists parts(from, rows, columns);
  const auto each = [&](const auto& f) {
    each_tap_row(kept, lists, window, way, size, [&](const TapRow& row) { parts.each(row, f); });
  };
  lists.start.assign(static_cast<size_t>(lists.blocks * way.outputs) * KeptTaps::kParts + 1, 0);
  each([&](size_t part, int64_t, uint32_t) { ++lists.start[part + 1]; });
  for (size_t i = 1; i < lists.start.size(); ++i) lists.start[i] += lists.start[i - 1];
  lists.offsets.resize(lists.start.back());
  lists.position.resize(lists.start.back());
  std::vector<uint32_t> next(lists.start.begin(), lists.start.end() - 1);
  each([&](size_t part, int64_t offset, uint32_t position) {
    const uint32_t i = next[part]++;
    lists.offsets[i] = static_cast<int32_t>(offset);
    lists.position[i] = position;
  });
  return lists;
}

}  // namespace

int64_t multiply_adds(const SparseConvPlan& plan) {
  int64_t sum = 0;
  for (const SparseConvLists& lists : plan.classes)
    sum += static_cast<int64_t>(lists.offsets.size()) * lists.rows.count * lists.columns.count;
  return sum;
}

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
