// The lane-block order: how activations lie in memory when many images are computed at once. The only place that
// knows it (the picture and the reasons: tensor/README.md; the measurement: DESIGN.md).
//
// Logically a tensor is [n, c, h, w]. In lane order it lies as [n/16][c][h + 2 halo][w + 2 halo][16]: one 64-byte
// *line* per (channel, pixel, 16 images). A shift of a convolution's window is then a whole aligned line, so one loop
// nest serves dense, sparse and integer kernels, forward and backward. Features [n, f] are the case h = w = 1.
// Smaller elements share a lane, so that a line is 64 bytes for every type and the distances are the same:
//   f32, s32   [n/16][c]   [h + 2 halo][w + 2 halo][16]
//   u8         [n/16][c/4] [h + 2 halo][w + 2 halo][16][4]     4 channels of a pixel are the 4 bytes of a lane
//   bits       [n/16][c/32][h + 2 halo][w + 2 halo][16]        channel i is bit i % 32 of a 32-bit word
//
// Invariants of every lane-ordered Tensor, kept by whoever writes one:
//   - f32 and s32: the halo is zero (it is the convolution's zero padding); dead lanes, those of images beyond n in the
//     last block, are zero (so sums over a line are sums over images);
//   - u8: the halo holds the zero point (the integer that stands for 0.0), whatever it is. Dead lanes and the dead
//     bytes behind the last channel hold any value, and no result may depend on them (packed weights are 0 there);
//   - bits: the halo is all zero bits, which stands for -1 (ops/binary_conv2d.h corrects for it); the dead bits behind
//     the last channel are zero, so that they never differ from a weight's; dead lanes hold any value.
//
// Small batches, inference only: *tiles as lanes*. The lanes of a block are then rows x columns tiles of each of its
// images (TileGrid), the geometry's h and w are a tile's, and the same loops run over the same lines, of every type.
// The halo of a tile holds its neighbours' pixels (outside of the image what the halo of lanes holds): whoever writes
// the interior calls exchange_halo, unless the operation goes over every line with f(0) = 0. Such a Tensor has
// Order::tiles, is_lanes() is false, and whoever does not know tiles gets plain order from contiguous().
#pragma once

#include <cstdint>

#include "tensor/shape.h"

namespace pith {

/// What one lane of a line holds: the channels of a pixel that share its 4 bytes.
enum class LaneContent : uint8_t { word = 1, bytes = 4, bits = 32 };

/// How many tiles an image is cut into, and so how many of the 16 lanes it takes. Tile (i, j) of image m of a block is
/// lane (m * rows + i) * columns + j. {1, 1}: a lane is a whole image, the ordinary lane order.
struct TileGrid {
  int64_t rows = 1, columns = 1;
  int64_t count() const { return rows * columns; }
  friend bool operator==(const TileGrid&, const TileGrid&) = default;
};

/// Sizes and offsets of a lane-ordered tensor, counted in lines of 16 lanes (64 bytes).
struct LaneGeometry {
  static constexpr int64_t kLanes = 16;

  int64_t n = 0, c = 0, h = 1, w = 1;  ///< h, w: of one tile
  int64_t halo = 0;                    ///< border pixels on each side of h and w
  int64_t blocks = 0;                  ///< ceil(n grid.count() / 16)
  int64_t row = 0;                     ///< lines from one pixel row to the next: w + 2 halo
  int64_t plane = 0;                   ///< lines from one plane to the next: at least row (h + 2 halo), see plane_lines
  int64_t planes = 0;                  ///< planes of a block: c, or ceil(c / 4) for bytes, ceil(c / 32) for bits
  int64_t block = 0;                   ///< lines from one block of 16 images to the next: planes * plane
  LaneContent content = LaneContent::word;
  TileGrid grid = {};  ///< {1, 1} in Order::lanes

  /// shape: [n, c, h, w], or [n, f] (then h = w = 1 and halo must be 0). The grid must divide 16, h and w, and tiles
  /// be no smaller than the halo. Throws ShapeError otherwise.
  static LaneGeometry make(const Shape& shape, int64_t halo, LaneContent content = LaneContent::word,
                           TileGrid grid = {});

  int64_t lines() const { return blocks * block; }
  /// Channels of one plane: 1, 4 or 32.
  int64_t channels_per_plane() const { return static_cast<int64_t>(content); }
  /// Line of interior pixel (y, x) of a plane (of a channel, where lanes hold words); y and x may run from -halo to
  /// h + halo - 1.
  int64_t line(int64_t b, int64_t in_plane, int64_t y, int64_t x) const {
    return b * block + in_plane * plane + (y + halo) * row + x + halo;
  }
  /// Byte of one element of a tensor of bytes: b = image / 16, lane = image % 16.
  int64_t byte(int64_t b, int64_t lane, int64_t channel, int64_t y, int64_t x) const {
    return line(b, channel / 4, y, x) * 64 + lane * 4 + channel % 4;
  }
  /// Lanes in use in block b: 16, or fewer in the last one.
  int64_t live(int64_t b) const { return b + 1 < blocks ? kLanes : n * grid.count() - b * kLanes; }
  /// Images in a whole block.
  int64_t images() const { return kLanes / grid.count(); }

  friend bool operator==(const LaneGeometry&, const LaneGeometry&) = default;
};

/// Lines of one channel plane of `pixels` lines: a power-of-two distance between channels would put them all on the
/// same cache sets, so distances of 0 or 32 modulo 64 lines get one line more (measured: layout study, 725 -> 560).
int64_t plane_lines(int64_t pixels);

class Tensor;

/// x as a lane-ordered tensor with this halo. x: f32, s32 or u8, [n, c, h, w] or [n, f], plain or lanes; returned
/// unchanged (shared) when it already is one with exactly this halo. `border` fills the halo of u8: its zero point; it
/// must be 0 for the other types. Throws TypeError for other types and for bits.
Tensor to_lanes(const Tensor& x, int64_t halo, uint8_t border = 0);

/// The signs of x as bits: 1 where x >= 0 (NaN is not), else 0. x: f32, s8 or bits, plain or lanes, of 2 or 4 axes.
Tensor to_bit_lanes(const Tensor& x, int64_t halo);

/// The grid that leaves no lane of `n` images of h x w empty, with the largest tiles; {1, 1} where none divides them
/// (or n is 16 and more): then the batch belongs in plain order or in lanes.
TileGrid tile_grid(int64_t n, int64_t h, int64_t w);

/// x [n, c, h, w] f32, plain or tiles, as tiles of this grid with exactly this halo, exchanged. Shared when it already
/// is. Throws TypeError for other types, ShapeError where the grid does not fit.
Tensor to_tiles(const Tensor& x, TileGrid grid, int64_t halo);

/// Fills the halo of every tile from its neighbours; where the image ends, with bytes of `border` (u8: its zero point).
/// x: tiles of any type.
void exchange_halo(Tensor& x, uint8_t border = 0);

/// x in plain row-major order: shared when it is already plain and contiguous. Bits become s8, 1 or -1.
Tensor to_plain(const Tensor& x);

/// Writes zero into the dead lanes of the last block, after an operation with f(0) != 0. x: f32 or s32 lanes.
void clear_dead_lanes(Tensor& x);

}  // namespace pith
