#include "compress/pruners/regrowth.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compress/levels.h"
#include "compress/ranking.h"
#include "compress/statistics.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

constexpr double kLast = -std::numeric_limits<double>::infinity();

void check(const Tensor& w, const Mask& mask, int64_t kept, double share) {
  if (!(w.shape() == mask.shape()))
    throw ShapeError("regrowth: the mask " + text(mask.shape()) + " does not fit the weight " + text(w.shape()));
  if (!(share >= 0 && share <= 1))
    throw ArgumentError("regrowth: the share " + std::to_string(share) + " is not between 0 and 1");
  if (kept < 0 || kept > mask.kept())
    throw ArgumentError("regrowth: " + std::to_string(kept) + " weights to keep, and the mask keeps " +
                        std::to_string(mask.kept()));
}

/// Keeps the largest of the kept weights, all but the share that grows of the rest, by the highest growth score: as
/// many as the share says, and as there is room for.
Mask move(const Tensor& w, const Mask& mask, int64_t kept, double share, std::vector<double> growth) {
  const int64_t pruned = mask.numel() - kept;
  const int64_t moved = std::min(static_cast<int64_t>(share * static_cast<double>(kept)), pruned);
  std::vector<double> sizes = magnitudes(w);
  for (size_t i = 0; i < sizes.size(); ++i)
    if (!mask.keeps(static_cast<int64_t>(i))) sizes[i] = kLast;
  std::vector<uint8_t> keep = keep_highest(sizes, pruned + moved);
  for (size_t i = 0; i < growth.size(); ++i)
    if (keep[i] != 0) growth[i] = kLast;
  const std::vector<uint8_t> grown = keep_highest(growth, mask.numel() - moved);
  for (size_t i = 0; i < keep.size(); ++i) keep[i] |= grown[i];
  return Groups(w.shape(), GroupType::element).mask(keep);
}

}  // namespace

Mask set_update(const Tensor& w, const Mask& mask, int64_t kept, double share, const RandomKey& key) {
  check(w, mask, kept, share);
  const std::vector<int64_t> order = permutation(mask.numel(), key);
  return move(w, mask, kept, share, {order.begin(), order.end()});
}

Mask rigl_update(const Tensor& w, const Tensor& gradient, const Mask& mask, int64_t kept, double share) {
  check(w, mask, kept, share);
  if (!(gradient.shape() == w.shape()))
    throw ShapeError("regrowth: the gradient " + text(gradient.shape()) + " does not fit the weight " +
                     text(w.shape()));
  return move(w, mask, kept, share, magnitudes(gradient));
}

double rigl_share(double share, double t) { return t < 1 ? level_at(Curve::cosine, share, 0, t) : 0; }

}  // namespace pith::compress
