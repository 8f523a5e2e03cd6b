// f32 convolution of plain images, for inference on batches too small to fill lines. Internal to tensor/ops; conv2d.h
// is the face, which has checked shapes and types.
#pragma once

#include "tensor/kernels/table.h"
#include "tensor/ops/conv2d.h"

namespace pith::ops::plain_conv {

/// x and w plain and contiguous; bias and scale too. The result is plain.
Tensor forward(const KernelTable& table, const Tensor& x, const Tensor& w, const Window& window,
               const ConvEpilogue& epilogue);

}  // namespace pith::ops::plain_conv
