// What the kernels of sparse matrix products take. No owner, no Tensor, no check. A "panel" is 16 columns of a dense
// matrix as lines of 16 floats: line c of a panel holds row c. Features in lane order are panels as they lie.
#pragma once

#include <stdint.h>

namespace pith {

/// Weights first .. first + count of a sparse matrix, all in one row.
struct SparseRun {
  uint32_t row = 0, first = 0, count = 0;
};

/// Some columns of a sparse matrix times T = 1 .. 4 panels; for every run and panel t
///   y[row][t] = before[row][t] + sum over its weights k of values[k] x[columns[k] - column0][t].
/// Without `before` the sum begins with bias[row], or 0. Runs of one row come once; runs of equal count should be
/// neighbours.
struct SparseProduct {
  const float* values = nullptr;
  const uint16_t* columns = nullptr;
  const SparseRun* runs = nullptr;
  int64_t run_count = 0;
  const float* x = nullptr;  ///< line of column `column0`, panel 0
  int64_t column0 = 0;
  int64_t x_panel = 0;  ///< floats from one panel to the next; lines follow each other
  int64_t panels = 1;
  bool side_by_side = false;  ///< instead, a column's lines of all panels follow each other
  const float* before = nullptr;
  int64_t before_row = 0, before_panel = 0;  ///< floats
  const float* bias = nullptr;
  float* y = nullptr;
  int64_t y_row = 0, y_panel = 0;  ///< floats
  int64_t last = 16;               ///< lanes of the last panel that are written
};

/// The gradient of its weights: dvalues[k] += sum over panels and lanes of dy[row] x[columns[k] - column0].
struct SparseGradient {
  float* dvalues = nullptr;
  const uint16_t* columns = nullptr;
  const SparseRun* runs = nullptr;
  int64_t run_count = 0;
  const float* x = nullptr;
  int64_t column0 = 0;
  int64_t x_panel = 0;
  int64_t panels = 1;
  const float* dy = nullptr;
  int64_t dy_row = 0, dy_panel = 0;  ///< floats
};

/// Lines out of a plain matrix: out[t out_panel + c out_column + lane] = x[c x_row + t 16 + lane]; lanes of the last panel from
/// `last` on get 0. Distances in floats.
struct LinePanels {
  const float* x = nullptr;
  float* out = nullptr;
  int64_t x_row = 0, out_panel = 0, out_column = 16;
  int64_t columns = 0, panels = 1, last = 16;
};

/// y[r] = bias[r] + sum over weights k of row r of values[k] x[columns[k]], r < rows: compressed sparse rows by
/// gathers. With `add`, to what y holds; bias may be null.
struct CsrVector {
  const float* values = nullptr;
  const uint16_t* columns = nullptr;
  const uint32_t* row_ptr = nullptr;
  const float* x = nullptr;
  const float* bias = nullptr;
  float* y = nullptr;
  int64_t rows = 0;
  bool add = false;
};

/// Rows of blocks of R x C weights. Row of blocks i covers rows i R .. and holds the groups group_ptr[i] ..
/// group_ptr[i + 1]; a group is 16 / (R C) blocks, 16 values [block][row][column]; block b of all covers the columns
/// from columns[b] C on. Rows beyond `rows` of the last row of blocks are not written.
struct BlockMatrix {
  const float* values = nullptr;
  const uint16_t* columns = nullptr;
  const uint32_t* group_ptr = nullptr;
  int64_t row = 0, column = 0;  ///< R and C: powers of two, R C = 4, 8 or 16
  int64_t rows = 0;
  int64_t begin = 0, end = 0;  ///< rows of blocks to do
};

/// N of every 4 columns: rows in panels of 16. Panel i holds for every group of 4 columns N slots: 16 values, one a
/// row, and a word of 16 2-bit places within the group (row r in bits 2r, 2r + 1).
struct NOfFourMatrix {
  const float* values = nullptr;     ///< [panels][groups][n][16]
  const uint32_t* places = nullptr;  ///< [panels][groups][n]
  int64_t n = 0, groups = 0;
  int64_t rows = 0;
  int64_t begin = 0, end = 0;  ///< panels to do
};

/// What both multiply: one vector, or panels of lines as SparseProduct has them.
struct VectorOperand {
  const float* x = nullptr;
  const float* bias = nullptr;  ///< [rows] or null
  float* y = nullptr;           ///< [rows]
};
struct PanelOperand {
  const float* x = nullptr;  ///< line of column 0, panel 0
  int64_t x_panel = 0, panels = 1;
  const float* bias = nullptr;
  float* y = nullptr;  ///< line of row 0, panel 0; rows follow each other
  int64_t y_panel = 0;
};

}  // namespace pith
