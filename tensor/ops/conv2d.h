// Convolution of images without gradients: forward, and the three products of the way back.
//
// Orders of memory: f32 in lane order runs on lane kernels and gives lanes (halo 1, or 0 where the result is one
// pixel); f32 in tiles runs on the same kernels where tiles_fit, and gives tiles; f32 in plain order runs on pixel-lane
// kernels made for small batches; f64 runs on the slow twins (conv2d_reference.h). Results have the same bits for any
// number of threads. Every function throws ShapeError (conv2d_shape's sentences) or TypeError where the types are not
// all f32 or all f64.
#pragma once

#include "tensor/ops/batch_norm.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace pith {

struct KernelTable;
const KernelTable& kernels();

namespace ops {

/// What happens to a convolution's sum before it is written: y = max(scale sum + bias + residual, 0), each part
/// optional. Folded batch normalisation is scale and bias.
struct ConvEpilogue {
  Tensor bias = {};      ///< [k] or undefined
  Tensor scale = {};     ///< [k] or undefined
  Tensor residual = {};  ///< the result's shape, either order, or undefined
  bool relu = false;
  Tensor packed = {};  ///< pack_conv2d_weights of the weights; undefined: made on the way
};

/// The weights w [k, c / groups, kh, kw], f32, as the kernels over lanes read them. For networks that stay as they are:
/// at batch 1 the packing is 7 % of a ResNet-20. Throws TypeError, ShapeError.
Tensor pack_conv2d_weights(const Tensor& w, int64_t groups, const KernelTable& table = kernels());

/// x [n, c, h, w], w [k, c / groups, kh, kw] -> [n, k, oh, ow] in x's order of memory.
Tensor conv2d(const Tensor& x, const Tensor& w, const Window& window, const ConvEpilogue& epilogue = {},
              const KernelTable& table = kernels());

/// A convolution's result and what batch normalisation asks about it.
struct MeasuredConv {
  Tensor y;
  Moments moments;
};

/// conv2d and batch_moments of its result, gathered while the sums are still in registers where x is in lanes: one pass
/// over memory less. pivot [k]: near the means, for accuracy only (the running means serve).
MeasuredConv conv2d_measured(const Tensor& x, const Tensor& w, const Window& window, const Tensor& pivot,
                             const KernelTable& table = kernels());

/// Can conv2d go on in x's tiles? x: tiles. Where the window keeps every pixel in its tile: the result's extents are
/// x's over the stride, the stride divides a tile, and no tap reaches past the neighbouring tile.
bool tiles_fit(const Tensor& x, const Shape& w, const Window& window);
/// The same of an x of this shape that would be cut by this grid; a grid of one tile does not fit.
bool tiles_fit(const Shape& x, TileGrid grid, const Shape& w, const Window& window);

/// Gradient of x, whose shape is `x`. dy [n, k, oh, ow]. f32 gives lanes, f64 plain.
Tensor conv2d_input_gradient(const Tensor& dy, const Tensor& w, const Shape& x, const Window& window,
                             const KernelTable& table = kernels());

/// Gradient of the weights, whose shape is `w`; plain order. x and dy in either order.
Tensor conv2d_weight_gradient(const Tensor& x, const Tensor& dy, const Shape& w, const Window& window,
                              const KernelTable& table = kernels());

/// Sum of dy [n, k, ...] over all axes but the second: [k], plain.
Tensor channel_sum(const Tensor& dy);

/// Border that conv2d wants around x [n, c, h, w] in lane order; with less it copies x. At least 1 for images.
int64_t conv2d_halo(const Shape& x, const Shape& w, const Window& window);

}  // namespace ops
}  // namespace pith
