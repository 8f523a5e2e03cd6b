#include "tensor/ops/sparse.h"

#include <algorithm>
#include <string>

#include "tensor/error.h"
#include "tensor/ops/floating.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t L = LaneGeometry::kLanes;
constexpr int64_t kTile = 4;  // panels

/// A dense matrix [features, n] in panels of 16 of its n: in lane order as it lies, in plain order to be copied.
struct Panels {
  const float* data = nullptr;
  bool plain = false;
  int64_t row = 0, panel = 0;  ///< floats from feature to feature, from panel to panel
  int64_t n = 0;
  int64_t count() const { return (n + L - 1) / L; }
  int64_t lanes_of(int64_t p) const { return std::min(L, n - p * L); }
};

Panels panels_of(const Tensor& x) {
  if (!x.is_lanes()) return {x.data<float>(), true, x.shape()[1], L, x.shape()[1]};
  return {x.data<float>(), false, x.geometry().plane * L, x.geometry().block * L, x.shape()[0]};
}

/// One task: some panels of one chunk of rows.
struct Tile {
  int64_t chunk = 0, first = 0, panels = 0;
};

Tile tile_at(int64_t i, int64_t chunks, int64_t all) {
  const int64_t first = i / chunks * kTile;
  return {i % chunks, first, std::min(kTile, all - first)};
}

/// Copies rows row0 .. row0 + rows of a tile of a plain x to `buffer`: panel after panel, or every row's lines side by
/// side.
void copy_lines(const KernelTable& table, const Panels& x, const Tile& tile, int64_t row0, int64_t rows, float* buffer,
                bool side_by_side) {
  table.line_panels({.x = x.data + row0 * x.row + tile.first * x.panel,
                     .out = buffer,
                     .x_row = x.row,
                     .out_panel = side_by_side ? L : rows * L,
                     .out_column = side_by_side ? tile.panels * L : L,
                     .columns = rows,
                     .panels = tile.panels,
                     .last = x.lanes_of(tile.first + tile.panels - 1)});
}

/// Where the kernel finds columns column0 .. column0 + columns of a tile of panels, copied to `buffer` if they are
/// plain. Features of lanes lie line after line, so the distance of panels is all that varies.
struct TileLines {
  const float* data = nullptr;
  int64_t panel = 0;
};
TileLines lines_of(const KernelTable& table, const Panels& x, const Tile& tile, int64_t row0, int64_t rows,
                   float* buffer) {
  if (!x.plain) return {x.data + row0 * x.row + tile.first * x.panel, x.panel};
  copy_lines(table, x, tile, row0, rows, buffer, false);
  return {buffer, rows * L};
}

Tensor buffer_for(const SparsePlan& plan, const Panels& x) {
  int64_t widest = 0;
  for (int64_t b = 0; b < plan.blocks_per_chunk; ++b)
    widest = std::max(widest, plan.blocks[static_cast<size_t>(b)].columns);
  return x.plain ? Tensor::empty({std::min(kTile, x.count()) * widest * L}) : Tensor();
}

/// A plain result is summed up block after block in a place of its own, where its rows are lines; others can lie
/// in the result: lane order. (In a plain one rows lie a power of two apart more often than not, on the same cache
/// sets.)
bool sums_lie_in(const Panels& y) { return !y.plain; }

void multiply_tile(const KernelTable& table, const SparseMatrix& w, const SparsePlan& plan, const Panels& x,
                   const float* bias, const Panels& y, float* out, const Tile& tile) {
  Tensor copies = buffer_for(plan, x);
  float* const buffer = copies.defined() ? copies.mutable_data<float>() : nullptr;
  const bool direct = plan.blocks_per_chunk == 1 || sums_lie_in(y);
  Tensor sums = direct ? Tensor() : Tensor::empty({SparsePlan::kChunk, tile.panels * L});
  const int64_t row0 = tile.chunk * SparsePlan::kChunk;
  float* const result = out + tile.first * y.panel;
  float* const held = direct ? result : sums.mutable_data<float>() - row0 * tile.panels * L;
  const int64_t held_row = direct ? y.row : tile.panels * L, held_panel = direct ? y.panel : L;
  for (int64_t b = 0; b < plan.blocks_per_chunk; ++b) {
    const auto& block = plan.blocks[static_cast<size_t>(tile.chunk * plan.blocks_per_chunk + b)];
    if (x.plain) copy_lines(table, x, tile, block.column0, block.columns, buffer, true);
    const bool ends = b + 1 == plan.blocks_per_chunk;
    table.spmm({.values = w.values,
                .columns = w.pattern.columns,
                .runs = plan.runs.data() + block.first_run,
                .run_count = block.run_count,
                .x = x.plain ? buffer : x.data + block.column0 * x.row + tile.first * x.panel,
                .column0 = block.column0 % SparsePattern::kSection,
                .x_panel = x.panel,
                .panels = tile.panels,
                .side_by_side = x.plain,
                .before = b == 0 ? nullptr : held,
                .before_row = held_row,
                .before_panel = held_panel,
                .bias = bias,
                .y = ends ? result : held,
                .y_row = ends ? y.row : held_row,
                .y_panel = ends ? y.panel : held_panel,
                .last = ends && y.plain ? y.lanes_of(tile.first + tile.panels - 1) : L});
  }
}

/// Chunks of parallel_for of so many equal tasks that each has about 2^18 multiply-adds of lines.
int64_t grain_of(int64_t line_products, int64_t tasks) {
  constexpr int64_t kLineProducts = 1 << 14;
  return std::max<int64_t>(1, kLineProducts * tasks / std::max<int64_t>(1, line_products));
}

void multiply(const KernelTable& table, const SparseMatrix& w, const Panels& x, const float* bias, const Panels& y,
              float* out) {
  const int64_t all = x.count();
  if (all == 0 || w.pattern.rows == 0) return;
  const SparsePlan& plan = w.plans->get(w.pattern, std::min(kTile, all));
  const int64_t tasks = plan.chunks() * chunk_count(all, kTile);
  parallel_for(tasks, grain_of(w.pattern.kept() * all, tasks), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      multiply_tile(table, w, plan, x, bias, y, out, tile_at(i, plan.chunks(), all));
  });
}

/// dy as lines: copied where plain rows end inside a line.
TileLines dy_lines(const KernelTable& table, const Panels& dy, const Tile& tile, int64_t row0, int64_t rows,
                   float* buffer, int64_t& row) {
  if (!dy.plain || dy.n % L == 0) {
    row = dy.row;
    return {dy.data + tile.first * dy.panel, dy.panel};
  }
  row = L;
  const TileLines lines = lines_of(table, dy, tile, row0, rows, buffer);
  return {lines.data - row0 * L, lines.panel};
}

/// Every block of every chunk has weights of its own, so blocks are the tasks.
void weight_gradient(const KernelTable& table, const SparseMatrix& w, const Panels& x, const Panels& dy, float* out) {
  const int64_t all = x.count();
  if (all == 0 || w.pattern.rows == 0) return;
  const SparsePlan& plan = w.plans->get(w.pattern, std::min(kTile, all));
  const int64_t tasks = static_cast<int64_t>(plan.blocks.size());
  parallel_for(tasks, grain_of(w.pattern.kept() * all, tasks), [&](int64_t begin, int64_t end) {
    Tensor x_copies = buffer_for(plan, x), dy_copies;
    if (dy.plain && dy.n % L != 0) dy_copies = Tensor::empty({SparsePlan::kChunk * kTile * L});
    for (int64_t i = begin; i < end; ++i) {
      const auto& block = plan.blocks[static_cast<size_t>(i)];
      const int64_t row0 = i / plan.blocks_per_chunk * SparsePlan::kChunk;
      for (int64_t first = 0; first < all; first += kTile) {
        const Tile tile{0, first, std::min(kTile, all - first)};
        const TileLines lines = lines_of(table, x, tile, block.column0, block.columns,
                                         x_copies.defined() ? x_copies.mutable_data<float>() : nullptr);
        int64_t dy_row = 0;
        const TileLines from = dy_lines(table, dy, tile, row0, std::min(SparsePlan::kChunk, w.pattern.rows - row0),
                                        dy_copies.defined() ? dy_copies.mutable_data<float>() : nullptr, dy_row);
        table.sddmm({.dvalues = out,
                     .columns = w.pattern.columns,
                     .runs = plan.runs.data() + block.first_run,
                     .run_count = block.run_count,
                     .x = lines.data,
                     .column0 = block.column0 % SparsePattern::kSection,
                     .x_panel = lines.panel,
                     .panels = tile.panels,
                     .dy = from.data,
                     .dy_row = dy_row,
                     .dy_panel = from.panel});
      }
    }
  });
}

void check(const char* op, const SparseMatrix& w, const char* what, const Tensor& x, int axis, int64_t extent) {
  if (!x.defined() || x.dtype() != DType::f32)
    throw TypeError(std::string(op) + ": wants f32, " + what + " is " + (x.defined() ? text(x) : "nothing"));
  if (x.shape().rank() != 2 || x.shape()[axis] != extent)
    throw ShapeError(std::string(op) + ": " + what + " " + text(x) + " does not fit a sparse matrix of " +
                     std::to_string(w.pattern.rows) + " rows and " + std::to_string(w.pattern.cols) +
                     " columns: its axis " + std::to_string(axis) + " must be " + std::to_string(extent));
}

/// Batch 1 in plain order: x is one vector.
void multiply_vector(const KernelTable& table, const SparseMatrix& w, const float* x, const float* bias, float* y) {
  constexpr int64_t kWeights = 1 << 15;
  const int64_t rows = w.pattern.rows, each = 1 + w.pattern.kept() / std::max<int64_t>(1, rows);
  parallel_for(rows, std::max<int64_t>(16, kWeights / each), [&](int64_t begin, int64_t end) {
    for (int64_t section = 0; section < w.pattern.sections(); ++section)
      table.csr_vector({.values = w.values,
                        .columns = w.pattern.columns,
                        .row_ptr = w.pattern.row_ptr + section * rows + begin,
                        .x = x + section * SparsePattern::kSection,
                        .bias = bias ? bias + begin : nullptr,
                        .y = y + begin,
                        .rows = end - begin,
                        .add = section > 0});
  });
}

}  // namespace

Tensor spmm(const SparseMatrix& w, const Tensor& x, const KernelTable& table) {
  check("spmm", w, "x", x, 0, w.pattern.cols);
  const Tensor plain = to_plain(x);
  Tensor y = Tensor::empty({w.pattern.rows, x.shape()[1]});
  multiply(table, w, panels_of(plain), nullptr, panels_of(y), y.mutable_data<float>());
  return y;
}

Tensor sddmm(const SparseMatrix& w, const Tensor& dy, const Tensor& x, const KernelTable& table) {
  check("sddmm", w, "x", x, 0, w.pattern.cols);
  check("sddmm", w, "dy", dy, 0, w.pattern.rows);
  check("sddmm", w, "dy", dy, 1, x.shape()[1]);
  const Tensor px = to_plain(x), pdy = to_plain(dy);
  Tensor out = Tensor::zeros({w.pattern.kept()});
  weight_gradient(table, w, panels_of(px), panels_of(pdy), out.mutable_data<float>());
  return out;
}

Tensor sparse_linear(const SparseMatrix& w, const Tensor& x, const Tensor& bias, const KernelTable& table) {
  check("sparse_linear", w, "x", x, 1, w.pattern.cols);
  if (bias.defined()) check_shape("sparse_linear", "bias", bias, {w.pattern.rows});
  const Tensor held = bias.defined() ? to_plain(bias) : bias;
  const float* const b = held.defined() ? held.data<float>() : nullptr;
  const int64_t n = x.shape()[0];
  if (!x.is_lanes() && n > 1) return to_plain(sparse_linear(w, to_lanes(x, 0), held, table));
  if (!x.is_lanes()) {
    const Tensor plain = to_plain(x);
    Tensor y = Tensor::empty({n, w.pattern.rows});
    if (n == 1) multiply_vector(table, w, plain.data<float>(), b, y.mutable_data<float>());
    return y;
  }
  Tensor y = Tensor::lanes({n, w.pattern.rows}, 0);
  multiply(table, w, panels_of(x), b, panels_of(y), y.mutable_data<float>());
  if (b) clear_dead_lanes(y);
  return y;
}

Tensor sparse_linear_gradient(const SparseMatrix& w, const Tensor& x, const Tensor& dy, const KernelTable& table) {
  check("sparse_linear_gradient", w, "x", x, 1, w.pattern.cols);
  check("sparse_linear_gradient", w, "dy", dy, 1, w.pattern.rows);
  check("sparse_linear_gradient", w, "dy", dy, 0, x.shape()[0]);
  const Tensor lx = to_lanes(x, 0), ldy = to_lanes(dy, 0);
  Tensor out = Tensor::zeros({w.pattern.kept()});
  weight_gradient(table, w, panels_of(lx), panels_of(ldy), out.mutable_data<float>());
  return out;
}

}  // namespace pith::ops
