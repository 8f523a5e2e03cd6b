// f32 convolution over lane blocks: plans the taps of a window as distances in lines, splits the work by shape and
// calls the kernels. Internal to tensor/ops; conv2d.h is the face, which has checked shapes and types.
#pragma once

#include <algorithm>

#include "tensor/kernels/table.h"
#include "tensor/ops/conv2d.h"
#include "tensor/parallel.h"

namespace pith::ops::lane_conv {

/// All taps in the order in which they lie, so that 4 output channels are 4 long rows side by side (WindowConv::w).
Tensor pack_weights(const KernelTable& kernels, const Tensor& w, int64_t groups);
/// x in lanes, or in tiles that fit (tiles_fit); w plain and contiguous. The result lies as x does.
Tensor forward(const KernelTable& kernels, const Tensor& x, const Tensor& w, const Window& window,
               const ConvEpilogue& epilogue);
/// The same without an epilogue, with the moments of its channels gathered on the way; x in lanes. Distances are
/// measured from pivot [k], plain: the nearer it is to the mean, the less cancels.
MeasuredConv forward_measured(const KernelTable& kernels, const Tensor& x, const Tensor& w, const Window& window,
                              const Tensor& pivot);
/// dy in lanes, w plain and contiguous; x is the shape of the gradient.
Tensor input_gradient(const KernelTable& kernels, const Tensor& dy, const Tensor& w, const Shape& x,
                      const Window& window);
/// x and dy in lanes; w is the shape of the gradient.
Tensor weight_gradient(const KernelTable& kernels, const Tensor& x, const Tensor& dy, const Shape& w,
                       const Window& window);

/// x with a border of at least `halo`; a wider one stays.
inline Tensor with_halo(const Tensor& x, int64_t halo) {
  if (x.geometry().halo >= halo) return x;
  return x.is_tiles() ? to_tiles(x, x.geometry().grid, halo) : to_lanes(x, halo);
}

/// Rows of outputs in one chunk: about 4 million multiply-adds, so that a chunk outweighs its handing over.
inline int64_t rows_per_chunk(int64_t rows, int64_t products_per_row) {
  constexpr int64_t kProducts = 4'000'000;
  const int64_t wanted = std::clamp<int64_t>(kProducts / std::max<int64_t>(products_per_row, 1), 1, rows);
  return chunk_count(rows, chunk_count(rows, wanted));  // strips of equal height
}

/// Calls body(block, first row, last row + 1, strip) for every strip of every block of images, numbered in order.
template <class Body>
void for_each_strip(int64_t blocks, int64_t rows, int64_t height, const Body& body) {
  const int64_t strips = chunk_count(rows, height);
  parallel_for(blocks * strips, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      body(i / strips, i % strips * height, std::min(rows, (i % strips + 1) * height), i);
  });
}

}  // namespace pith::ops::lane_conv
