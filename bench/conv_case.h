// What the benchmarks of kernels multiply: random numbers, in the order of memory in which training or inference holds
// them, and random patterns of what is kept.
#pragma once

#include <memory>
#include <vector>

#include "bench/conv_layers.h"
#include "tensor/formats/mask.h"
#include "tensor/lanes.h"
#include "tensor/ops/conv2d.h"
#include "tensor/random.h"

namespace pith::bench {

inline Tensor normal(const Shape& shape, uint64_t item = 0) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 1, .item = item});
  return t;
}

/// Images of this layer's input: lanes, tiles where a small batch fits them, or plain.
inline Tensor laid_out(const Tensor& x, const ConvLayer& l) {
  const int64_t batch = x.shape()[0], halo = ops::conv2d_halo(x.shape(), l.w(), l.window());
  if (batch >= LaneGeometry::kLanes) return to_lanes(x, halo);
  const TileGrid grid = tile_grid(batch, l.h, l.h);
  return ops::tiles_fit(x.shape(), grid, l.w(), l.window()) ? to_tiles(x, grid, halo) : x;
}

/// Blocks of r x c elements of a matrix of shape[0] rows, each kept or not, at random.
inline std::shared_ptr<const Mask> random_mask(const Shape& shape, double sparsity, int64_t r = 1, int64_t c = 1) {
  Random random({.seed = 4});
  const int64_t cols = shape.numel() / shape[0], wide = (cols + c - 1) / c, high = (shape[0] + r - 1) / r;
  std::vector<uint8_t> blocks(static_cast<size_t>(wide * high)), keep(static_cast<size_t>(shape.numel()));
  for (uint8_t& b : blocks) b = random.uniform(0, 1) >= sparsity;
  for (int64_t i = 0; i < shape.numel(); ++i)
    keep[static_cast<size_t>(i)] = blocks[static_cast<size_t>(i / cols / r * wide + i % cols / c)];
  return std::make_shared<const Mask>(Mask::from(Tensor::from(keep, shape)));
}

/// The first n of every 4 columns, moved by one from row to row.
inline std::shared_ptr<const Mask> n_of_four_mask(const Shape& shape, int64_t n) {
  std::vector<uint8_t> keep(static_cast<size_t>(shape.numel()));
  for (int64_t i = 0; i < shape.numel(); ++i) keep[static_cast<size_t>(i)] = (i % shape[1] + i / shape[1]) % 4 < n;
  return std::make_shared<const Mask>(Mask::from(Tensor::from(keep, shape)));
}

inline Tensor masked_weight(const Mask& mask) {
  Tensor w = normal(mask.shape(), 1);
  zero_pruned(mask, w);
  return w;
}

}  // namespace pith::bench
