// Plain structs of the integer kernels: 8-bit activations times 8-bit weights into 32-bit sums. No owner, no check.
// x lies in lines of 16 lanes x 4 channels of u8 (tensor/lanes.h); signed activations are stored plus 128.
#pragma once

#include <stdint.h>

namespace pith {

/// What a sum becomes.
enum class IntOutput : uint8_t { u8, f32, s32 };

/// From sums to outputs, each [channels] padded to a multiple of 4 with anything finite:
///   s32:  y = sum
///   f32:  y = float(sum) * scale[k]
///   u8:   y = clamp(round(float(sum) * scale[k] + (r - residual_zero) * residual_scale) + zero_point, lowest, highest)
/// float() rounds to 24 bits, products and the sum of two terms are each rounded, round() goes half to even, and the
/// zero point is added after it: ONNX's QLinearConv, with its QLinearAdd in the same rounding. ReLU is lowest =
/// zero_point. The residual term is absent without a residual.
struct Requantize {
  const float* scale = nullptr;
  int32_t zero_point = 0;
  uint8_t lowest = 0, highest = 255;
  const uint8_t* residual = nullptr;                                ///< a line like y's, or null
  int64_t residual_step = 1, residual_row = 0, residual_plane = 0;  ///< lines
  float residual_scale = 0;
  int32_t residual_zero = 0;
};

/// What lets a kernel leave out the taps that read the border, where that holds 0: windows of 3 x 3 without dilation
/// whose taps lie as d = (plane * 3 + row) * 3 + column, over whole rows of outputs. Row 0 of the window of output row
/// 0 reads the row `first_row` of `height` rows of x, that of the next one `row_step` further down.
struct IntClip {
  bool is_on = false;
  bool left = false, right = false;  ///< does the first (last) output of a row read the border?
  int64_t first_row = 0, row_step = 1, height = 0;
};

/// `rows` rows of outputs of one block of 16 images. For every output line (k, row, i), in each lane:
///   sum = bias[k] + sum over d and j < 4 of w[k / 4][d][k % 4][j] x[taps[d] + row * x_row + i * x_step][j].
/// A tap d stands for (4 input channels, kernel row, kernel column). All sums, also partial ones, fit 32 bits: the
/// packer has proved it. Weights of absent channels are 0.
struct IntConv {
  const uint8_t* x = nullptr;     ///< the line that taps of output 0 of row 0 are counted from
  const int32_t* taps = nullptr;  ///< [depth], lines
  const int8_t* w = nullptr;      ///< [ceil(channels / 4)][depth][4][4]
  const int32_t* bias = nullptr;  ///< [channels], padded to a multiple of 4
  int32_t* scratch = nullptr;     ///< room for 8 depth integers
  void* y = nullptr;              ///< line of output 0 of row 0 of channel 0
  int64_t depth = 0, channels = 0, rows = 0, outputs = 0;
  int64_t x_step = 1, x_row = 0;               ///< lines
  int64_t y_step = 1, y_row = 0, y_plane = 0;  ///< lines; a plane holds 4 channels of u8 or one of the other types
  IntOutput output = IntOutput::u8;
  Requantize to = {};
  IntClip clip = {};
};

/// The same with the kept blocks of 1 x 4 only: block i of channel k, start[k] <= i < start[k + 1], multiplies the line
/// offsets[i] with the four bytes of weights[i]. `dense` holds the rest; its w and taps are not read.
struct SparseIntConv {
  const int64_t* start = nullptr;    ///< [channels padded to 4, + 1]
  const int32_t* offsets = nullptr;  ///< lines
  const int32_t* weights = nullptr;
  IntConv dense = {};
};

/// sums[n * sums_step + r] = sum over i < depth of w[r * w_step + i] x[n * x_step + i], r < rows, n < vectors. x is 0
/// from depth to the next multiple of 64, and w readable there. All sums fit 32 bits: depth <= max_depth.
struct IntRows {
  const int8_t* w = nullptr;
  const uint8_t* x = nullptr;
  int32_t* sums = nullptr;
  int64_t depth = 0, rows = 0, vectors = 0;
  int64_t w_step = 0, x_step = 0, sums_step = 0;
};

/// Rows of bytes of which blocks of 1 x 4 are kept, 16 rows a panel, for one vector; for begin <= panel < end
///   sums[panel * 16 + lane] = sum over its steps s of the four products of blocks[s][lane] and word places[s][lane] of
///   x.
/// All sums fit 32 bits.
struct IntBlockRows {
  const int32_t* blocks = nullptr;   ///< [steps][16], 4 signed bytes each; 0 where a row has no block left
  const uint16_t* places = nullptr;  ///< [steps][16]
  const int64_t* start = nullptr;    ///< [panels + 1]: steps
  const int32_t* x = nullptr;        ///< words of 4 unsigned bytes
  int32_t* sums = nullptr;
  int64_t begin = 0, end = 0;
};

/// Four channels of sums that needed 64 bits, [4][lines][16], to `lines` neighbouring lines of u8.
struct WideSums {
  const int64_t* sums = nullptr;
  int64_t plane = 0;  ///< integers from one channel to the next
  int64_t lines = 0;
  uint8_t* y = nullptr;
  Requantize to = {};  ///< of these channels; the residual's lines are neighbours, too
};

/// `lines` neighbouring lines of u8 to as many of another quantisation: the rule with q - x_zero as the sum.
struct RequantizeLines {
  const uint8_t* x = nullptr;
  uint8_t* y = nullptr;
  int64_t lines = 0;
  int32_t x_zero = 0;
  Requantize to = {};  ///< four scales; no residual
};

/// `lines` lines of four channels of f32 to as many of u8: y = clamp(round(x / scale) + zero_point, 0, highest).
struct QuantizeLines {
  const float* x[4] = {};  ///< an absent channel may point at any other
  uint8_t* y = nullptr;
  int64_t lines = 0;
  float scale = 1;
  int32_t zero_point = 0;
  uint8_t highest = 255;
};

/// And back, for the first `channels` of the four: y = float(x - zero_point) * scale.
struct DequantizeLines {
  const uint8_t* x = nullptr;
  float* y[4] = {};
  int64_t lines = 0, channels = 4;
  float scale = 1;
  int32_t zero_point = 0;
};

}  // namespace pith
