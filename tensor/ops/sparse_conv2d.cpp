#include "tensor/ops/sparse_conv2d.h"

#include <utility>

#include "tensor/ops/conv2d_lanes.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

using lane_conv::kSums;
using lane_conv::L;

const float* data_or_null(const Tensor& t) { return t.defined() ? t.data<float>() : nullptr; }

Tensor kept_values(const SparseConvLists& lists, const Tensor& w) {
  const size_t kept = lists.position.size();
  Tensor values = Tensor::empty({static_cast<int64_t>(kept)});
  const float* const from = w.data<float>();
  const uint32_t* const at = lists.position.data();
  float* const to = values.mutable_data<float>();
  for (size_t i = 0; i < kept; ++i) to[i] = from[at[i]];
  return values;
}

KeptTaps taps_of(const SparseConvLists& lists) { return {lists.offsets.data(), lists.start.data(), lists.blocks}; }

/// What is read after rows begin .. end - 1 of one block: the rows below, else the top of the next block.
RowsAhead rows_ahead(const lane_conv::Plan& plan, const float* in, int64_t block, int64_t end) {
  const int64_t window = (plan.rows.taps - 1) * plan.rows.tap_step;
  if (end < plan.rows.count) {
    const int64_t row = plan.rows.input(end, 0) + window;
    return {in + plan.from.line(block, 0, row, plan.columns.input(0, 0)) * L, 2};
  }
  if (block + 1 == plan.from.blocks) return {};
  return {in + plan.from.line(block + 1, 0, plan.rows.input(0, 0), plan.columns.input(0, 0)) * L,
          2 + window / std::max<int64_t>(1, plan.rows.input_step)};
}

/// One class of outputs: in -> out, both as they lie.
struct SparseWalk {
  const SparseConvLists& lists;
  lane_conv::Plan plan;
  Tensor values;

  SparseWalk(const SparseConvLists& l, const Tensor& in, const Tensor& out, const Tensor& w)
      : lists(l),
        plan{in.geometry(), out.geometry(), l.rows, l.columns, 1, in.geometry().c, out.geometry().c, in.is_tiles()},
        values(kept_values(l, w)) {}

  /// Even, as tiles are.
  int64_t strip_height() const {
    const int64_t kept = static_cast<int64_t>(lists.offsets.size()) + plan.to.c;
    return (lane_conv::rows_per_chunk(plan.rows.count, kept * plan.columns.count * L) + 1) / 2 * 2;
  }

  /// Class rows begin .. end - 1 of one block, without epilogue.
  SparseWindowConv window(const float* in, float* out, int64_t block, int64_t begin, int64_t end) const {
    return {plan.window(in, out, block, 0, begin, end), taps_of(lists), values.data<float>(),
            rows_ahead(plan, in, block, end)};
  }
};

/// The sums of a weight gradient: every part of the images has its own, added in order.
struct SparseWeightSums {
  const SparseConvLists& lists;
  const Tensor &x, &dy;
  lane_conv::Plan walk;
  int64_t kept, grain, parts;
  Tensor sums;
  float* all;

  SparseWeightSums(const SparseConvLists& l, const Tensor& input, const Tensor& gradient)
      : lists(l),
        x(input),
        dy(gradient),
        walk{x.geometry(), dy.geometry(), l.rows, l.columns, 1, x.geometry().c, dy.geometry().c, false},
        kept(static_cast<int64_t>(l.offsets.size())),
        grain(std::max<int64_t>(1, chunk_count(dy.geometry().blocks, kParts))),
        parts(chunk_count(dy.geometry().blocks, grain)),
        sums(Tensor::zeros({parts, kept})),
        all(sums.mutable_data<float>()) {}

  /// First block of a part.
  int64_t first(int64_t part) const { return std::min(part * grain, dy.geometry().blocks); }

  /// Rows begin .. end - 1 of one block.
  SparseWindowGradient window(int64_t part, int64_t block, int64_t begin, int64_t end) const {
    const WindowConv place = walk.window(x.data<float>(), nullptr, block, 0, begin, end);
    return {.kept = taps_of(lists),
            .dvalues = all + part * kept,
            .x = place.x,
            .dy = dy.data<float>() + dy.geometry().line(block, 0, begin, 0) * L,
            .channels = place.channels,
            .rows = place.rows,
            .outputs = place.outputs,
            .x_row = place.x_row,
            .x_step = place.x_step,
            .dy_plane = dy.geometry().plane,
            .dy_row = dy.geometry().row,
            .x_planes = place.in_channels,
            .x_plane = place.x_plane,
            .x_reach = (place.kernel_rows - 1) * place.tap_row,
            .ahead = rows_ahead(walk, x.data<float>(), block, end)};
  }

  Tensor joined(const Shape& w) const {
    Tensor dw = Tensor::zeros(w);
    float* const out = dw.mutable_data<float>();
    for (int64_t p = 0; p < parts; ++p)
      for (int64_t i = 0; i < kept; ++i) out[lists.position[static_cast<size_t>(i)]] += all[p * kept + i];
    return dw;
  }

 private:
  static constexpr int64_t kParts = 8;
};

}  // namespace

Tensor sparse_conv2d(const SparseConvPlan& plan, const Tensor& x, const Tensor& w, const Shape& shape,
                     const ConvEpilogue& epilogue, const KernelTable& table) {
  const bool tiled = x.is_tiles();
  Tensor y = tiled ? Tensor::tiles(shape, 1, x.geometry().grid) : Tensor::lanes(shape, lane_conv::halo_for(shape));
  const Tensor residual = lane_conv::residual_like(epilogue.residual, y);
  const SparseWalk walk(plan.classes[0], x, y, w);
  const LaneGeometry& to = y.geometry();
  float* const out = y.mutable_data<float>();
  lane_conv::for_each_strip(to.blocks, to.h, walk.strip_height(),
                            [&](int64_t block, int64_t begin, int64_t end, int64_t) {
                              SparseWindowConv c = walk.window(x.data<float>(), out, block, begin, end);
                              c.window.scale = data_or_null(epilogue.scale);
                              c.window.bias = data_or_null(epilogue.bias);
                              if (residual.defined())
                                c.window.residual = residual.data<float>() + to.line(block, 0, begin, 0) * L;
                              c.window.residual_plane = to.plane, c.window.residual_row = to.row;
                              c.window.relu = epilogue.relu;
                              table.sparse_conv_window(c);
                            });
  if (epilogue.bias.defined()) clear_dead_lanes(y);
  if (tiled) exchange_halo(y);
  return y;
}

MeasuredConv sparse_conv2d_measured(const SparseConvPlan& plan, const Tensor& x, const Tensor& w, const Shape& shape,
                                    const Tensor& pivot, const KernelTable& table) {
  Tensor y = Tensor::lanes(shape, lane_conv::halo_for(shape));
  const SparseWalk walk(plan.classes[0], x, y, w);
  const LaneGeometry& to = y.geometry();
  const int64_t height = walk.strip_height();
  Tensor sums = Tensor::zeros({to.blocks * chunk_count(to.h, height), to.c, kSums});
  float *const out = y.mutable_data<float>(), *const all = sums.mutable_data<float>();
  lane_conv::for_each_strip(to.blocks, to.h, height, [&](int64_t block, int64_t begin, int64_t end, int64_t strip) {
    SparseWindowConv c = walk.window(x.data<float>(), out, block, begin, end);
    c.window.sums = all + strip * to.c * kSums;
    c.window.pivot = pivot.data<float>();
    table.sparse_conv_window(c);
  });
  Moments moments = lane_conv::join_moments(sums, y, pivot);
  return {std::move(y), std::move(moments)};
}

Tensor sparse_conv2d_input_gradient(const SparseConvPlan& plan, const Tensor& dy, const Tensor& w, const Shape& x,
                                    const KernelTable& table) {
  Tensor dx = Tensor::lanes(x, lane_conv::halo_for(x));
  float* const out = dx.mutable_data<float>();
  for (const SparseConvLists& lists : plan.classes) {
    const SparseWalk walk(lists, dy, dx, w);
    lane_conv::for_each_strip(walk.plan.to.blocks, lists.rows.count, walk.strip_height(),
                              [&](int64_t block, int64_t begin, int64_t end, int64_t) {
                                table.sparse_conv_window(walk.window(dy.data<float>(), out, block, begin, end));
                              });
  }
  return dx;
}

Tensor sparse_conv2d_weight_gradient(const SparseConvPlan& plan, const Tensor& x, const Tensor& dy, const Shape& w,
                                     const KernelTable& table) {
  const SparseWeightSums sums(plan.classes[0], x, dy);
  parallel_for(sums.parts, 1, [&](int64_t part, int64_t) {
    for (int64_t b = sums.first(part); b < sums.first(part + 1); ++b)
      table.sparse_conv_gradient(sums.window(part, b, 0, dy.geometry().h));
  });
  return sums.joined(w);
}

SparseConvGradients sparse_conv2d_gradients(const SparseConvPlan& plan, const SparseConvPlan& back, const Tensor& x,
                                            const Tensor& dy, const Tensor& w, const KernelTable& table) {
  constexpr int64_t kStrip = 8;  // rows: those of x, dy and dx stay in the second-level cache; even, as tiles are
  const SparseWeightSums sums(plan.classes[0], x, dy);
  Tensor dx = Tensor::lanes(x.shape(), lane_conv::halo_for(x.shape()));
  float* const out = dx.mutable_data<float>();
  std::vector<SparseWalk> walks;
  for (const SparseConvLists& lists : back.classes) walks.emplace_back(lists, dy, dx, w);
  const int64_t h = dy.geometry().h;
  parallel_for(sums.parts, 1, [&](int64_t part, int64_t) {
    for (int64_t b = sums.first(part); b < sums.first(part + 1); ++b)
      for (int64_t row = 0; row < std::max(h, walks[0].lists.rows.count); row += kStrip) {
        for (const SparseWalk& walk : walks)
          if (const int64_t end = std::min(row + kStrip, walk.lists.rows.count); row < end)
            table.sparse_conv_window(walk.window(dy.data<float>(), out, b, row, end));
        if (row < h) table.sparse_conv_gradient(sums.window(part, b, row, std::min(row + kStrip, h)));
      }
  });
  return {std::move(dx), sums.joined(w.shape())};
}

}  // namespace pith::ops
