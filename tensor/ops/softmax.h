// Softmax over the last axis and the losses made of it. f32 or f64 in plain order (lanes become plain); rows are
// computed alone and added in order, in double. e^x never overflows: each row is shifted by its largest element.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace pith::ops {

/// x [..., classes] -> e^x / sum e^x, of x's shape.
Tensor softmax(const Tensor& x);
Tensor log_softmax(const Tensor& x);
/// dx from y = softmax(x): y (dy - sum y dy).
Tensor softmax_gradient(const Tensor& y, const Tensor& dy);
/// dx from y = log_softmax(x): dy - e^y sum dy.
Tensor log_softmax_gradient(const Tensor& y, const Tensor& dy);

/// A loss of rows [n, classes]: the value and what the way back needs of every row.
struct CrossEntropy {
  double loss = 0;           ///< mean over rows
  std::vector<double> norm;  ///< log sum e^x, a row
};
/// Mean of -log softmax(logits)[label], target (1 - smoothing) one-hot + smoothing / classes. labels: s32 [n]. Throws
/// FormatError for a label outside [0, classes), naming its index; ShapeError where labels and rows differ.
CrossEntropy cross_entropy(const Tensor& logits, const Tensor& labels, double smoothing);
/// (softmax - target) scale / n, plain.
Tensor cross_entropy_gradient(const Tensor& logits, const Tensor& labels, double smoothing, const CrossEntropy& forward,
                              double scale);

/// Mean of -x[row, label], and its gradient: -scale / n at the labels, 0 elsewhere.
double nll(const Tensor& x, const Tensor& labels);
Tensor nll_gradient(const Shape& shape, DType dtype, const Tensor& labels, double scale);

}  // namespace pith::ops
