// f32 convolution over lane blocks: plans the taps of a window as distances in lines, splits the work by shape and
// calls the kernels. Internal to tensor/ops; conv2d.h is the face, which has checked shapes and types.
#pragma once

#include "tensor/kernels/table.h"
#include "tensor/ops/conv2d.h"

namespace pith::ops::lane_conv {

/// x in lanes, w plain and contiguous.
Tensor forward(const KernelTable& kernels, const Tensor& x, const Tensor& w, const Window& window,
               const ConvEpilogue& epilogue);
/// dy in lanes, w plain and contiguous; x is the shape of the gradient.
Tensor input_gradient(const KernelTable& kernels, const Tensor& dy, const Tensor& w, const Shape& x,
                      const Window& window);
/// x and dy in lanes; w is the shape of the gradient.
Tensor weight_gradient(const KernelTable& kernels, const Tensor& x, const Tensor& dy, const Shape& w,
                       const Window& window);

}  // namespace pith::ops::lane_conv
