// The lane-block order: how activations lie in memory when many images are computed at once. The only place that
// knows it (the picture and the reasons: tensor/README.md; the measurement: DESIGN.md).
//
// Logically a tensor is [n, c, h, w]. In lane order it lies as [n/16][c][h + 2 halo][w + 2 halo][16]: one 64-byte
// *line* per (channel, pixel, 16 images). A shift of a convolution's window is then a whole aligned line, so one loop
// nest serves dense, sparse and integer kernels, forward and backward. Features [n, f] are the case h = w = 1.
//
// Invariants of every lane-ordered Tensor, kept by whoever writes one:
//   - the halo is zero (it is the convolution's zero padding);
//   - dead lanes, those of images beyond n in the last block, are zero (so sums over a line are sums over images).
#pragma once

#include <cstdint>

#include "tensor/shape.h"

namespace pith {

/// Sizes and offsets of a lane-ordered tensor of 4-byte elements, counted in lines of 16 (64 bytes).
struct LaneGeometry {
  static constexpr int64_t kLanes = 16;

  int64_t n = 0, c = 0, h = 1, w = 1;
  int64_t halo = 0;    ///< border pixels on each side of h and w
  int64_t blocks = 0;  ///< ceil(n / 16)
  int64_t row = 0;     ///< lines from one pixel row to the next: w + 2 halo
  int64_t plane = 0;   ///< lines from one channel to the next: at least row (h + 2 halo), see plane_lines
  int64_t block = 0;   ///< lines from one block of 16 images to the next: c * plane

  /// shape: [n, c, h, w], or [n, f] (then h = w = 1 and halo must be 0). Throws ShapeError otherwise.
  static LaneGeometry make(const Shape& shape, int64_t halo);

  int64_t lines() const { return blocks * block; }
  /// Line of interior pixel (y, x); y and x may run from -halo to h + halo - 1.
  int64_t line(int64_t b, int64_t channel, int64_t y, int64_t x) const {
    return b * block + channel * plane + (y + halo) * row + x + halo;
  }
  /// Images in block b: 16, or fewer in the last one.
  int64_t live(int64_t b) const { return b + 1 < blocks ? kLanes : n - b * kLanes; }

  friend bool operator==(const LaneGeometry&, const LaneGeometry&) = default;
};

/// Lines of one channel plane of `pixels` lines: a power-of-two distance between channels would put them all on the
/// same cache sets, so distances of 0 or 32 modulo 64 lines get one line more (measured: layout study, 725 -> 560).
int64_t plane_lines(int64_t pixels);

class Tensor;

/// x as a lane-ordered tensor with at least this halo. x: f32, [n, c, h, w] or [n, f], plain or lanes; returned
/// unchanged (shared) when it already is one with exactly this halo. Throws TypeError for other types.
Tensor to_lanes(const Tensor& x, int64_t halo);

/// x in plain row-major order: shared when it is already plain and contiguous.
Tensor to_plain(const Tensor& x);

/// Writes zero into the dead lanes of the last block, after an operation with f(0) != 0. x: f32 lanes.
void clear_dead_lanes(Tensor& x);

}  // namespace pith
