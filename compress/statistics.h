// Statistics of a weight tensor that criteria are made of. Sums run in double, in row-major order: the same value on
// every machine. w: f32 or f64, any shape that is not empty.
#pragma once

#include <vector>

#include "compress/groups.h"
#include "tensor/tensor.h"

namespace pith::compress {

struct Moments {
  double mean = 0;
  double deviation = 0;  ///< unbiased (n - 1); 0 for a single value
};

Moments moments(const std::vector<double>& values);
/// Of the values, or of their magnitudes.
Moments moments(const Tensor& w);
Moments magnitude_moments(const Tensor& w);

/// |w| in row-major order.
std::vector<double> magnitudes(const Tensor& w);

/// l1: sum |w|, l2: sqrt(sum w^2), largest: max |w|; mean_l1 and mean_l2 are divided by the group's size.
enum class Norm : uint8_t { l1, l2, mean_l1, mean_l2, largest };

/// The norm of every group of w. Throws ShapeError where the groups are of another shape.
std::vector<double> group_norms(const Tensor& w, const Groups& groups, Norm norm);

/// The sum of `scores` (one a position) over every group.
std::vector<double> group_sums(const std::vector<double>& scores, const Groups& groups);

}  // namespace pith::compress
