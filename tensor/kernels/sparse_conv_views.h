// What the kernels of sparse float convolution take: one block of 16 images (or of tiles), any rows of outputs. Plain
// structs: no owner, no check.
#pragma once

#include <stdint.h>

#include "tensor/kernels/window_views.h"

namespace pith {

/// Kept weights of a convolution as lists, one for every (block of input channels, output channel), in this order. The
/// offset of a weight is where its line of x lies, in lines from the x of the output's own place. A list has five
/// parts, one behind the other: part p of list i holds the weights start[i kParts + p] .. start[i kParts + p + 1] - 1.
struct KeptTaps {
  enum Part {
    kOnLeft,       ///< taps that lie in the border for the first output of a row
    kInside,       ///< taps of which nothing is known
    kOnRight,      ///< taps that lie in the border for the last output
    kPairsOnLeft,  ///< pairs of taps on neighbouring lines, the first of them as in kOnLeft
    kPairs,        ///< other pairs; where clips_right is set, the second tap is as in kOnRight
    kParts
  };
  const int32_t* offsets = nullptr;  ///< [kept]
  const uint32_t* start = nullptr;   ///< [blocks channels kParts + 1]
  int64_t blocks = 1;                ///< of input channels; the lines of x of one block about fit the first-level cache
};

/// Rows of x that are wanted after these: the first line of channel 0, and how many rows, each as far from the next as
/// those of x. To fetch lines ahead; 0 rows: nobody knows.
struct RowsAhead {
  const float* x = nullptr;
  int64_t rows = 0;
};

/// WindowConv by kept weights alone. Of `window` these are not read: w, tap_column, kernel_columns, top, row_step,
/// tap_step, height; in_channels, x_plane, kernel_rows and tap_row only to fetch lines ahead.
struct SparseWindowConv {
  WindowConv window;
  KeptTaps kept;
  const float* values = nullptr;  ///< [kept]
  RowsAhead ahead = {};
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
  RowsAhead ahead = {};
};

}  // namespace pith
