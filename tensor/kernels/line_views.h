// What the kernels over planes of lines take: one channel of one block of 16 images, h rows of w lines each.
// Distances between rows are in lines of 16 floats. Plain structs: no owner, no check.
#pragma once

#include <stdint.h>

namespace pith {

/// Rows of lines that are read, or written.
struct LinesIn {
  const float* p = nullptr;
  int64_t row = 0;
};
struct LinesOut {
  float* p = nullptr;
  int64_t row = 0;
};

/// y = max(x scale + shift + residual, 0); residual and the maximum are optional.
struct LineNorm {
  LinesIn x, residual;
  LinesOut y;
  int64_t h = 0, w = 0;
  float scale = 1;
  const float* shift = nullptr;  ///< a line: the same number in live lanes, 0 in dead ones
  bool relu = false;
};

/// The way back. g = dy + more where the forward result was positive (everywhere without relu), and
///   dx = a g + b x + c.
/// Where y.p is null the forward result's sign is that of x scale + shift, computed again.
struct LineNormGradient {
  LinesIn x, dy, y;
  LinesIn more;  ///< of line_norm_sums, where it keeps g: the rest of the gradient, or null
  LinesOut g;    ///< of line_norm_sums: g itself, or null; may be dy
  LinesOut dx;   ///< of line_norm_gradient; may be dy
  int64_t h = 0, w = 0;
  float scale = 1, mean = 0;
  const float* shift = nullptr;  ///< a line, as in LineNorm
  bool relu = false;
  float a = 0, b = 0;
  const float* c = nullptr;  ///< a line: the same number in live lanes, 0 in dead ones
};

/// y = round(clamp((sums + bias) scale + residual residual_scale, low, high)); the residual and rounding are optional.
struct LineRequantize {
  LinesIn sums, residual;
  LinesOut y;
  int64_t h = 0, w = 0;
  float bias = 0, scale = 1, residual_scale = 0, low = 0, high = 0;
  bool rounds = true;
};

/// The way back, rounding counted as the identity: g = dy + more where the clamp cut nothing, 0 elsewhere.
struct LineRequantizeGradient {
  LineRequantize forward;   ///< its y is not used
  LinesIn dy, more;         ///< whose sum comes back; `more` may be null
  LinesOut sums, residual;  ///< g scale, may be dy; g residual_scale, where there is a residual
};

/// Pooling of a plane h x w to oh x ow by windows kh x kw; places outside the plane take no part.
struct LinePool {
  LinesIn x, y, dy;  ///< read: x forward; x, y and dy (maximum) or dy (mean) on the way back
  LinesOut out;      ///< written: y forward, dx on the way back
  int64_t h = 0, w = 0, oh = 0, ow = 0;
  int64_t kernel[2] = {1, 1}, stride[2] = {1, 1}, padding[2] = {0, 0}, dilation[2] = {1, 1};
};

/// Planes of lines whose lanes are tiles: every border line gets, lane by lane, a pixel of the neighbouring tile.
struct TileBorder {
  float* interior = nullptr;  ///< line (0, 0) of the first plane; elements are 4 bytes of anything
  int64_t plane = 0, planes = 0;
  int64_t row = 0, h = 0, w = 0, halo = 0;
  const int32_t* from = nullptr;  ///< [3 above .. below][3 left .. right][16]: that neighbour's lane, or -1
  uint32_t outside = 0;           ///< what a lane gets where there is no neighbour
};

}  // namespace pith
