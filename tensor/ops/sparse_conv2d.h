// Convolution by kept weights alone, over lane blocks: forward and both products of the way back (direct sparse
// convolution: Park et al. 2017, here with images as lanes). A kept weight is one offset and one multiply-add on every
// output line.
//
// What depends on places and shapes alone is a SparseConvPlan, made once (formats/masked_conv.h keeps it with a mask);
// the weight stays dense, and its kept values are gathered for each product. f32; results have the same bits for any
// number of threads. Callers have checked shapes: formats/masked_conv.h is the face.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/ops/conv2d.h"
#include "tensor/ops/conv2d_plan.h"

namespace pith::ops {

/// The kept weights of w [k, c / groups, kh, kw]: their positions in row-major order, rising.
struct KeptPlaces {
  Shape w;
  std::span<const uint32_t> positions;
};

/// The kept weights that one class of outputs reads, listed as KeptTaps says.
struct SparseConvLists {
  lane_conv::AxisClass rows, columns;
  int64_t blocks = 1;
  std::vector<uint32_t> start;     ///< [blocks channels kParts + 1]
  std::vector<int32_t> offsets;    ///< [kept], lines
  std::vector<uint32_t> position;  ///< [kept], in the dense weight
};

/// Forward has one class of outputs, the way back stride x stride of them.
struct SparseConvPlan {
  std::vector<SparseConvLists> classes;
};

/// Multiply-adds that a plan asks for, for one image (one tile): each listed weight once for every output of its class.
/// The weight gradient asks for as many as the forward plan, which it walks.
int64_t multiply_adds(const SparseConvPlan& plan);

/// x [n, c, h, w] that lies as `from` says, to the result [n, k, oh, ow] of shape `y`; a tile's extents where it lies
/// in tiles.
SparseConvPlan sparse_forward_plan(const KeptPlaces& kept, const LaneGeometry& from, int64_t oh, int64_t ow,
                                   const Window& window);
/// dy that lies as `from` says, to dx of h x w.
SparseConvPlan sparse_gradient_plan(const KeptPlaces& kept, const LaneGeometry& from, int64_t h, int64_t w,
                                    const Window& window);

/// As conv2d. x: lanes or tiles with border enough (conv2d_halo); w: plain, its values where the plan keeps none are
/// not read; y: shape of the result.
Tensor sparse_conv2d(const SparseConvPlan& plan, const Tensor& x, const Tensor& w, const Shape& y,
                     const ConvEpilogue& epilogue, const KernelTable& table);
/// As conv2d_measured; x: lanes.
MeasuredConv sparse_conv2d_measured(const SparseConvPlan& plan, const Tensor& x, const Tensor& w, const Shape& y,
                                    const Tensor& pivot, const KernelTable& table);
/// dy: lanes with border enough; x: shape of the gradient.
Tensor sparse_conv2d_input_gradient(const SparseConvPlan& plan, const Tensor& dy, const Tensor& w, const Shape& x,
                                    const KernelTable& table);
/// The gradient of shape w, 0 where the (forward) plan keeps none. x, dy: lanes, x with border enough.
Tensor sparse_conv2d_weight_gradient(const SparseConvPlan& plan, const Tensor& x, const Tensor& dy, const Shape& w,
                                     const KernelTable& table);

struct SparseConvGradients {
  Tensor x, w;
};
/// Both gradients, to the bits of each alone; dy is read from memory once. Threads share blocks of images.
SparseConvGradients sparse_conv2d_gradients(const SparseConvPlan& plan, const SparseConvPlan& back, const Tensor& x,
                                            const Tensor& dy, const Tensor& w, const KernelTable& table);

}  // namespace pith::ops
