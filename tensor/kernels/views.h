// Plain structs that kernels take: who points where, and how far apart things lie. No owner, no Tensor, no check.
// "line" is 16 floats, 64 bytes, 64-byte aligned (tensor/lanes.h); distances are in lines where they say so.
#pragma once

#include <stdint.h>

namespace pith {

/// A convolution, one row of outputs of one block of 16 images: every output line (k, i) is
///   y = max(scale[k] sum over d of w[k * w_step + d * w_tap] x[taps[d] + i * x_step] + bias[k] + residual, 0).
/// A tap d stands for (input channel, kernel row, kernel column); padding is the zero halo of x.
struct LineConv {
  const float* x = nullptr;       ///< the line that taps of output 0 are counted from
  const int32_t* taps = nullptr;  ///< [depth], lines
  const float* w = nullptr;
  float* y = nullptr;  ///< line of output 0 of channel 0
  int64_t depth = 0, channels = 0, outputs = 0;
  int64_t x_step = 1;                             ///< lines of x from one output to the next
  int64_t y_step = 1;                             ///< lines of y from one output to the next
  int64_t y_plane = 0;                            ///< lines of y from one channel to the next
  int64_t w_step = 0, w_tap = 1;                  ///< floats
  const float* scale = nullptr;                   ///< [channels] or null
  const float* bias = nullptr;                    ///< [channels] or null
  const float* residual = nullptr;                ///< a line like y's, or null
  int64_t residual_step = 1, residual_plane = 0;  ///< lines
  bool relu = false;
};

/// The gradient of its weights, over `rows` rows of outputs of some blocks of 16 images:
///   dw[k * w_step + d] += sum over rows, outputs i and lanes of dy[k, row, i] x[taps[d] + row * x_row + i * x_step].
struct LineConvGradient {
  const float* x = nullptr;
  const int32_t* taps = nullptr;
  const float* dy = nullptr;
  float* dw = nullptr;
  int64_t depth = 0, channels = 0, blocks = 1, rows = 0, outputs = 0;
  int64_t x_step = 1, x_row = 0, x_block = 0;      ///< lines
  int64_t dy_row = 0, dy_plane = 0, dy_block = 0;  ///< lines; neighbouring outputs are neighbours
  int64_t w_step = 0;                              ///< floats
  int64_t adjacent_taps = 1;                       ///< taps come in rows of so many neighbouring lines
  /// Of adjacent taps: kernel row r of output row i reads image row top + i * row_step + r * tap_step. Rows outside of
  /// 0 .. height - 1 are left out; height 0: none is.
  int64_t kernel_rows = 1, top = 0, row_step = 1, tap_step = 1, height = 0;
  /// The first tap of output 0, the last one of the last output, lies in the border (3 adjacent taps, 2 outputs at
  /// least).
  bool clips_left = false, clips_right = false;
  /// Where the next call's x and dy lie, or null: lines that are fetched into the second-level cache meanwhile.
  const float* next_x = nullptr;
  const float* next_dy = nullptr;
  int64_t x_planes = 0, x_plane = 0;  ///< input channels that the taps read, and lines between them
};

/// A convolution of one plain image, for batches too small to fill lines: pixels are lanes. x holds, for every input
/// channel and kernel column, a copy of the image from which all outputs of a row are neighbours (conv2d_plain.cpp):
///   y[k][q] = max(scale[k] sum over d of w[k * w_step + d] x[taps[d] + q] + bias[k] + residual[k][q], 0)   q < pixels.
/// 15 floats behind the last one that is needed must be readable.
struct PixelConv {
  const float* x = nullptr;
  const int32_t* taps = nullptr;  ///< [depth], floats
  const float* w = nullptr;
  float* y = nullptr;  ///< [channels][pixels], contiguous
  int64_t depth = 0, channels = 0, pixels = 0;
  int64_t w_step = 0;               ///< floats
  const float* scale = nullptr;     ///< [channels] or null
  const float* bias = nullptr;      ///< [channels] or null
  const float* residual = nullptr;  ///< as y, or null
  bool relu = false;
};

/// c[i][j] = sum over p of a[i * a_row + p * a_column] b[p * b_row + j] for i < m, p < k, j < n; distances in floats.
/// With `add`, to what c holds.
struct Gemm {
  const float* a = nullptr;
  const float* b = nullptr;
  float* c = nullptr;
  int64_t m = 0, k = 0, n = 0;
  int64_t a_row = 0, a_column = 1, b_row = 0, c_row = 0;
  bool add = false;
};

/// c[i][j] = sum over p of a[i * a_row + p] b[j * b_row + p]: rows times rows, for few rows of a.
struct GemmDot {
  const float* a = nullptr;
  const float* b = nullptr;
  float* c = nullptr;
  int64_t m = 0, k = 0, n = 0;
  int64_t a_row = 0, b_row = 0, c_row = 0;
};

}  // namespace pith
