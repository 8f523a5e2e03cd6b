// What the convolution kernels over windows take: one block of 16 images (or of tiles, tensor/lanes.h), any rows of
// outputs. Plain structs: no owner, no check. Distances are in lines of 16 floats where they say so.
#pragma once

#include <stdint.h>

namespace pith {

/// A convolution: every output line (k, row, i) is
///   y = max(scale[k] sum over c, r, s of w(k, c, r, s) x[c * x_plane + row * x_row + i * x_step + r * tap_row +
///           s * tap_column] + bias[k] + residual, 0).
/// Taps outside of the image read the zero border, or are left out where the fields below say how the window lies.
struct WindowConv {
  const float* x = nullptr;  ///< the line of tap (0, 0) of channel 0 of output (0, 0)
  /// Channels of y in groups of 4 side by side, the last group filled up with zeros:
  /// [ceil(channels / 4)][in_channels][kernel_rows][kernel_columns][4]; a single channel lies alone.
  const float* w = nullptr;
  float* y = nullptr;  ///< line of output (0, 0) of channel 0
  int64_t in_channels = 0, channels = 0, rows = 0, outputs = 0;
  int64_t kernel_rows = 0, kernel_columns = 0;
  int64_t x_plane = 0, x_row = 0, x_step = 1;    ///< lines of x between channels, output rows, outputs
  int64_t tap_row = 0, tap_column = 1;           ///< lines of x between kernel rows, kernel columns
  int64_t y_plane = 0, y_row = 0, y_step = 1;    ///< lines
  const float* scale = nullptr;                  ///< [channels] or null
  const float* bias = nullptr;                   ///< [channels] or null
  const float* residual = nullptr;               ///< a line like y's, or null; neighbours are neighbours
  int64_t residual_plane = 0, residual_row = 0;  ///< lines
  bool relu = false;
  /// Kernel row r of output row i reads image row top + i * row_step + r * tap_step. Rows outside of 0 .. height - 1
  /// are left out; height 0: none is.
  int64_t top = 0, row_step = 1, tap_step = 1, height = 0;
  /// The first kernel column of output 0, the last one of the last output, lies in the border (3 columns only).
  bool clips_left = false, clips_right = false;
  /// Per channel two lines to add to: sum over outputs of s - pivot[k], and of its square, where s is the sum above
  /// before scale, bias, residual and maximum. Or null.
  float* sums = nullptr;
  const float* pivot = nullptr;  ///< [channels]
};

}  // namespace pith
