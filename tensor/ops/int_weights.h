// Weights of 8 bits as the integer kernels read them, with the proof that no 32-bit sum of theirs can overflow.
//
// Made once (packing), then immutable. For every output channel the smallest and the largest sum that any input can
// give is known from the real weights; where both fit 32 bits, so does every partial sum in any order. Depths up to
// max_depth (65 793 for u8 x s8) always do; where a sum might not, the depth is cut into `parts` that do, and they
// are added in 64 bits.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/ops/binary_conv2d.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace pith::ops {

/// Channels that read the same input planes: all of them without groups, a group where groups are multiples of 4 wide,
/// else four at a time (then weights are 0 where a channel of another group is read).
struct IntSegment {
  int64_t channel = 0, channels = 0;  ///< outputs; `channel` is a multiple of 4
  int64_t plane = 0, planes = 0;      ///< inputs, in planes of 4 channels
  int64_t first = 0;                  ///< of its bytes in `packed`
};

/// The blocks of 1 x 4 that are not all zero, per output channel: block i multiplies tap tap[i] of its segment.
struct IntBlocks {
  std::vector<int64_t> start;   ///< [channels padded to 4, + 1]
  std::vector<int32_t> tap;     ///< (plane * kh + row) * kw + column
  std::vector<int32_t> weight;  ///< 4 bytes
};

struct IntWeights {
  Shape shape;  ///< [k, c / groups, kh, kw] or [rows, cols]
  int64_t groups = 1;
  int32_t zero_point = 0;  ///< of the input, folded into the bias
  int32_t highest = 255;   ///< of the input: what the proof counts with
  Tensor values;           ///< s8, plain: the weights themselves
  std::vector<IntSegment> segments;
  std::vector<int8_t> packed;      ///< per segment [channels / 4][planes][kh][kw][4 outputs][4 inputs]; or empty
  IntBlocks blocks;                ///< of sparse weights, alone or beside `packed`; else empty
  bool dense_in_tiles = false;     ///< tiles of an image are multiplied by `packed` where there are blocks, too
  BinaryWeights signs;             ///< the same weights, where all are -1 or 1 and the input is one bit; else no shape
  std::vector<int32_t> bias;       ///< [k padded to 4]: bias - zero_point * row sum; 0 where parts are added
  std::vector<int64_t> wide_bias;  ///< the same in 64 bits
  std::vector<int64_t> parts;      ///< ends of the parts of the depth, in taps of the longest segment; {} = whole

  bool is_sparse() const { return !blocks.start.empty(); }
  int64_t kernel_height() const { return shape.rank() == 4 ? shape[2] : 1; }
  int64_t kernel_width() const { return shape.rank() == 4 ? shape[3] : 1; }
  int64_t taps(const IntSegment& s) const { return s.planes * kernel_height() * kernel_width(); }
};

/// w: s8 [k, c / groups, kh, kw] or [rows, cols], plain. bias: s32 [k] in units of (scale of x) (scale of w), or
/// undefined. zero_point: of the input, 0 to highest, the largest integer that it can hold (255 of 8 bits). Throws
/// TypeError, ShapeError, ArgumentError.
IntWeights pack_int_weights(const Tensor& w, const Tensor& bias, int32_t zero_point, int64_t groups = 1,
                            int32_t highest = 255);

/// The same without the blocks of 1 x 4 (along the input channels of one kernel position) that are all zero. The sum of
/// what remains must fit 32 bits: ArgumentError otherwise.
IntWeights pack_sparse_int_weights(const Tensor& w, const Tensor& bias, int32_t zero_point, int64_t groups = 1);

/// The share of the blocks of 1 x 4 that are not all zero.
double kept_blocks(const IntWeights& w);

/// Lays those blocks beside the dense order: products multiply them alone, except where pixels are the lanes
/// (conv2d_s8_pixels.h) and, unless `in_tiles`, where parts of an image are. Nothing happens where sums need more than
/// 32 bits.
void skip_zero_blocks(IntWeights& w, bool in_tiles = true);

}  // namespace pith::ops
