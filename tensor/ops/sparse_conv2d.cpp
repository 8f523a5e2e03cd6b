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

/// One class of outputs: in -> out, both as they lie.
struct SparseWalk {
  const SparseConvLists& lists;
  lane_conv::Plan plan;
  Tensor values;

  SparseWalk(const SparseConvLists& l, const Tensor& in, const Tensor& out, const Tensor& w)
      : lists(l),
        plan{in.geometry(), out.geometry(), l.rows, l.columns, 1, in.geometry().c, out.geometry().c, in.is_tiles()},
        values(kept_values(l, w)) {}

  int64_t strip_height() const {
    const int64_t kept = static_cast<int64_t>(lists.offsets.size()) + plan.to.c;
    return lane_conv::rows_per_chunk(plan.rows.count, kept * plan.columns.count * L);
  }

  /// Class rows begin .. end - 1 of one block, without epilogue.
  SparseWindowConv window(const float* in, float* out, int64_t block, int64_t begin, int64_t end) const {
    return {plan.window(in, out, block, 0, begin, end), taps_of(lists), values.data<float>()};
  }
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
  constexpr int64_t kParts = 8;  // of the images, each with sums of its own, added in order
  const SparseConvLists& lists = plan.classes[0];
  const lane_conv::Plan walk{x.geometry(),   dy.geometry(),   lists.rows, lists.columns, 1,
                             x.geometry().c, dy.geometry().c, false};
  const int64_t kept = static_cast<int64_t>(lists.offsets.size()), blocks = dy.geometry().blocks;
  const int64_t grain = std::max<int64_t>(1, chunk_count(blocks, kParts)), parts = chunk_count(blocks, grain);
  Tensor sums = Tensor::zeros({parts, kept}), dw = Tensor::zeros(w);
  float* const all = sums.mutable_data<float>();
  parallel_for(blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const WindowConv place = walk.window(x.data<float>(), nullptr, b, 0, 0, dy.geometry().h);
      table.sparse_conv_gradient({.kept = taps_of(lists),
                                  .dvalues = all + begin / grain * kept,
                                  .x = place.x,
                                  .dy = dy.data<float>() + dy.geometry().line(b, 0, 0, 0) * L,
                                  .channels = place.channels,
                                  .rows = place.rows,
                                  .outputs = place.outputs,
                                  .x_row = place.x_row,
                                  .x_step = place.x_step,
                                  .dy_plane = dy.geometry().plane,
                                  .dy_row = dy.geometry().row});
    }
  });
  float* const out = dw.mutable_data<float>();
  for (int64_t p = 0; p < parts; ++p)
    for (int64_t i = 0; i < kept; ++i) out[lists.position[static_cast<size_t>(i)]] += all[p * kept + i];
  return dw;
}

}  // namespace pith::ops
