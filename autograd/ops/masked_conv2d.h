// 2-D convolution with a weight under a mask: y = conv2d(x, w . M), and dW exists only where M keeps. f32 or f64.
//
// Two roads to one function, as masked_matmul.h says: sparse enough, forward and both gradients run on the kept weights
// alone (tensor/formats/masked_conv.h); otherwise, and always in f64 and in plain order, they run dense, and the
// gradient is cut to the mask.
#pragma once

#include <memory>

#include "autograd/ops/conv2d.h"
#include "autograd/ops/masked_matmul.h"

namespace pith {

/// As conv2d with a tail. The sparse road is taken below a density of crossover.window. Throws ShapeError where the
/// mask has another shape than w.
Variable masked_conv2d(const Variable& x, const Variable& w, const Variable& b, std::shared_ptr<const Mask> keep,
                       const Window& window, const ConvTail& tail = {}, const SparseCrossover& crossover = {});

/// As conv2d_measured.
MeasuredVariable masked_conv2d_measured(const Variable& x, const Variable& w, const Variable& b,
                                        std::shared_ptr<const Mask> keep, const Window& window, const Tensor& pivot,
                                        const SparseCrossover& crossover = {});

}  // namespace pith
