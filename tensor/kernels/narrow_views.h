// Plain structs of the kernels for weights of 4, 2 and 1 bits times 8-bit activations into 32-bit sums. No owner, no
// check. A weight at rest is a code; what it stands for is a level, minus the level that stands for 0.
#pragma once

#include <stdint.h>

namespace pith {

/// Rows of weights times up to 8 columns of signed bytes; rows are lanes. For row r = 16 panel + lane and column j
///   sum[g] = sum over the columns c of group g of (level - zero[r]) x[c][j]     in 32 bits, modulo 2^32
///   y[j][r] = (sum over g, rising, of scale[g][r] sum[g], each term one multiply-add) x_scale[j] + bias[r]
/// or, of one group, the sum itself. Codes lie in vectors of 64 bytes, 16 rows of 4 bytes; bits J b .. J b + b - 1 of
/// byte i of a row hold the code of column (step * 8 / b + J) * 4 + i. Padding is codes of zero against x of 0.
/// Levels of 4 bits are the codes; of 1 and 2 bits a table says: at most 127, so that no machine's pair sums saturate.
struct NarrowProduct {
  int bits = 4;
  const uint8_t* w = nullptr;       ///< [panels][groups][steps][64]
  const uint8_t* levels = nullptr;  ///< [panels][16][4], of 1 and 2 bits
  const int32_t* zero = nullptr;    ///< [panels][16]
  const int32_t* x = nullptr;       ///< [groups * steps * 8 / bits][columns], words of 4 signed bytes
  const int32_t* x_sum = nullptr;   ///< [groups][columns]: sums of x
  int64_t panels = 0, groups = 1, steps = 0;
  int64_t columns = 1;             ///< 1, 2, 4 or 8
  const float* scale = nullptr;    ///< [panels][groups][16]
  const float* x_scale = nullptr;  ///< [columns]
  const float* bias = nullptr;     ///< [panels][16]
  float* y = nullptr;              ///< [columns][y_step]
  int32_t* sums = nullptr;         ///< [columns][y_step] instead of y; then groups is 1
  int64_t y_step = 0;
};

/// Codes to signed bytes, 16 bytes for 16 bytes of the panels of a convolution's weights (4 outputs of 4 inputs): bits
/// J b .. of byte i of vector v hold the code of byte i of output vector v * 8 / b + J.
struct NarrowUnpack {
  int bits = 4;
  const uint8_t* codes = nullptr;   ///< [vectors][64]
  const uint8_t* levels = nullptr;  ///< 4 bits: [16], code - 8; else [4][4], of a code of the byte's output channel
  int8_t* out = nullptr;            ///< [vectors * 8 / bits][64]
  int64_t vectors = 0;
};

}  // namespace pith
