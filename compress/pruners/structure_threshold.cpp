#include "compress/pruners/structure_threshold.h"

#include "tensor/error.h"

namespace pith::compress {

Mask prune_groups_below(const Tensor& w, const Groups& groups, Norm norm, double threshold) {
  if (!(threshold >= 0))
    throw ArgumentError("structures: the threshold " + std::to_string(threshold) + " is not 0 or above");
  std::vector<uint8_t> keep;
  for (const double v : group_norms(w, groups, norm)) keep.push_back(!(v <= threshold));
  return groups.mask(keep);
}

}  // namespace pith::compress
