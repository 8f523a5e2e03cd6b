#include "compress/pruners/magnitude.h"

#include <algorithm>
#include <cmath>

#include "compress/ranking.h"
#include "compress/statistics.h"
#include "tensor/error.h"

namespace pith::compress {

Mask prune_below(const Tensor& w, double threshold) {
  if (!(threshold >= 0) || !std::isfinite(threshold))
    throw ArgumentError("magnitude: the threshold " + std::to_string(threshold) + " is not 0 or above and finite");
  if (w.dtype() == DType::f32) threshold = static_cast<float>(threshold);
  const std::vector<double> sizes = magnitudes(w);
  std::vector<uint8_t> keep(sizes.size());
  std::transform(sizes.begin(), sizes.end(), keep.begin(), [&](double v) { return !(v <= threshold); });
  return Groups(w.shape(), GroupType::element).mask(keep);
}

Mask prune_to_level(const Tensor& w, double level) {
  return prune_lowest(Groups(w.shape(), GroupType::element), magnitudes(w), level);
}

double level_threshold(const Tensor& w, double level) {
  std::vector<double> sizes = magnitudes(w);
  const int64_t pruned = pruned_count(static_cast<int64_t>(sizes.size()), level);
  if (pruned == 0) return 0;
  std::nth_element(sizes.begin(), sizes.begin() + (pruned - 1), sizes.end());
  return sizes[static_cast<size_t>(pruned - 1)];
}

}  // namespace pith::compress
