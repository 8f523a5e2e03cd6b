// What the kernels of sparse float convolution take: one block of 16 images (or of tiles), any rows of outputs. Plain
// structs: no owner, no check.
#pragma once

#include <stdint.h>

#include "tensor/kernels/window_views.h"

namespace pith {

/// Kept weights of a convolution as lists, one for every (block of input channels, output channel), in this order:
/// list i holds the weights start[i] .. start[i + 1] - 1. The offset of a weight is where its line of x lies, in lines
/// from the x of the output's own place.
struct KeptTaps {
  const int32_t* offsets = nullptr;  ///< [kept]
  const uint32_t* start = nullptr;   ///< [blocks channels + 1]
  int64_t blocks = 1;                ///< of input channels; the lines of x of one block fit the first-level cache
};

/// WindowConv by kept weights alone. Of `window` these are not read: w, tap_column, kernel_columns, top, row_step,
/// tap_step, height, clips_left and _right; in_channels, x_plane, kernel_rows and tap_row only to fetch lines ahead.
struct SparseWindowConv {
  WindowConv window;
  KeptTaps kept;
  const float* values = nullptr;  ///< [kept]
};

/// The gradient of its weights, where there are any: dvalues[i] += sum over rows, outputs and lanes of
/// dy[k, row, output] x[offsets[i] + row x_row + output x_step].
struct SparseWindowGradient {
  KeptTaps kept;
  float* dvalues = nullptr;
  const float* x = nullptr;
  const float* dy = nullptr;
  int64_t channels = 0, rows = 0, outputs = 0;
  int64_t x_row = 0, x_step = 1;     ///< lines
  int64_t dy_plane = 0, dy_row = 0;  ///< lines; outputs are neighbours
  /// To fetch lines ahead: planes of x, and the distance from a window's first row to its last.
  int64_t x_planes = 0, x_plane = 0, x_reach = 0;
};

}  // namespace pith
