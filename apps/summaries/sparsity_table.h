// The sparsity table: zeros of each weight by element and by structure, with the columns of Distiller's
// `--summary=sparsity` in their exact meaning (README.md of this folder).
#pragma once

#include "apps/summaries/table.h"
#include "nn/module.h"

namespace pith::apps {

/// What one weight's values tell. Shares are percent, of all-zero structures.
struct WeightSparsity {
  std::string name;
  Shape shape;
  int64_t dense = 0, sparse = 0;  ///< elements, and those other than 0
  double columns = 0, rows = 0, channels = 0, kernels = 0, filters = 0, fine = 0;
  double deviation = 0, mean = 0, mean_magnitude = 0;  ///< deviation: unbiased; zeros are included in all
};

/// Of a weight of two or four axes, f32. Throws ShapeError for another rank.
WeightSparsity sparsity_of(const std::string& name, const Tensor& weight);

/// Parameters of two or four axes whose name holds "weight" or "bias", in the model's order.
std::vector<WeightSparsity> weight_sparsities(nn::Module& model);

/// Name, Shape, NNZ (dense), NNZ (sparse), Cols, Rows, Ch, 2D, 3D, Fine (%), Std, Mean, Abs-Mean, and the total.
Table sparsity_table(const std::vector<WeightSparsity>& weights);

/// "(16, 3, 3, 3)".
std::string parentheses(const Shape& shape);

}  // namespace pith::apps
