// Plain structs that the bit kernels take. Bit 1 stands for +1 and bit 0 for -1; a word holds 32 channels, a line 16
// words, one an image (tensor/lanes.h); the bits behind the last channel are 0 in x and in w, so they never differ.
// Distances are in lines. No owner, no Tensor, no check.
#pragma once

#include <stdint.h>

namespace pith {

/// Binary convolution, one row of outputs of one block of 16 images. For every output channel k and output i
///   different = bits in which x[taps[d] + i * x_step] and the weight words of k differ, over all d < depth;
///   dot = base - 2 different, the base being that of k and of the class of output i (which taps lie in the border).
/// Four kernels write dot as it is, as a float, as a byte or as a bit (see KernelTable).
struct LineBitConv {
  static constexpr int64_t kPanel = 4;  ///< channels whose weights lie side by side

  const uint32_t* x = nullptr;    ///< the line that taps of output 0 are counted from
  const int32_t* taps = nullptr;  ///< [depth]
  const uint32_t* w = nullptr;    ///< [channels / 4, rounded up][depth][4]; channels beyond the last hold anything
  int64_t depth = 0, channels = 0, outputs = 0;
  int64_t x_step = 1;                  ///< lines of x from one output to the next
  int64_t y_plane = 0;                 ///< lines of y from one channel (bytes: from 4, bits: from 32) to the next
  const int32_t* base = nullptr;       ///< [classes][base_step]; for bits: a bit is set where different <= base,
                                       ///< INT32_MIN for channels beyond the last
  int64_t base_step = 0;               ///< channels, rounded up to whole panels
  const int32_t* classes = nullptr;    ///< [outputs] class of each output, or null: all of class 0
  const float* scale = nullptr;        ///< [channels] or null: y = scale dot + bias
  const float* bias = nullptr;         ///< [channels] or null
  const uint32_t* inverted = nullptr;  ///< [channels / 32, rounded up]: bits to be turned round, or null
};

/// Signs of lanes of floats: out[p][lane] = bits i < channels, bit i set where x[i * x_plane + p * 16 + lane] >= 0.
struct LineSigns {
  const float* x = nullptr;
  uint32_t* y = nullptr;
  int64_t channels = 0;  ///< 1 .. 32
  int64_t pixels = 0;
  int64_t x_plane = 0;  ///< lines
};

/// Bytes of 0 or 1 as bits: bit 4 j + i of y[p][lane] is byte i of x[j * x_plane + p][lane], j < planes; 0 where `live`
/// is 0.
struct LineFlags {
  const uint8_t* x = nullptr;
  uint32_t* y = nullptr;
  int64_t planes = 0;  ///< 1 .. 8
  int64_t pixels = 0;
  int64_t x_plane = 0;  ///< lines
  uint32_t live = 0;
};

/// A plane of words of 16 bits to three: as they are, with those `beside` lines further on in their upper halves, and
/// with those `below` lines further on; 0 where that is beyond the plane.
struct LinePairs {
  const uint32_t* x = nullptr;
  uint32_t* y = nullptr;
  int64_t lines = 0;
  int64_t y_plane = 0;  ///< lines
  int64_t beside = 0, below = 0;
};

}  // namespace pith
