// Operations that only move elements.
#pragma once

#include <vector>

#include "autograd/variable.h"

namespace pith {

/// Plain order (lanes become plain).
Variable reshape(const Variable& x, const Shape& shape);
/// [n, c, h, w] -> [n, c h w] in PyTorch's feature order; lanes stay lanes.
Variable flatten(const Variable& x);
Variable transpose(const Variable& x, int a, int b);
/// Join along an axis; all other extents equal. Lanes joined along channels (axis 1) stay lanes.
Variable concat(const std::vector<Variable>& xs, int axis);
/// Elements [start, start + length) of an axis; lanes stay lanes along channels.
Variable narrow(const Variable& x, int axis, int64_t start, int64_t length);
/// x[:, :, ::stride, ::stride] with channels padded by zeros to `channels`, half before, half after (ResNet option A).
Variable subsample_pad(const Variable& x, int64_t stride, int64_t channels);

}  // namespace pith
