// Global ranking: groups of several tensors compete for one budget, instead of every tensor giving the same share.
#pragma once

#include <span>
#include <vector>

#include "compress/groups.h"
#include "tensor/tensor.h"

namespace pith::compress {

/// One tensor in the competition: its groups and a score for each, of one scale with the others' (mean norms,
/// saliency).
struct Contestant {
  Groups groups;
  std::vector<double> scores;
};

/// Prunes the groups with the lowest scores, wherever they are, until floor(level * n) of all n weights would be
/// exceeded by the next; of equal ones the first. No tensor loses its last group. Throws ArgumentError for a level
/// outside [0, 1), ShapeError for a wrong number of scores, NumericError for NaN.
std::vector<Mask> prune_globally(std::span<const Contestant> contestants, double level);

/// Layer-adaptive magnitude (LAMP; Lee et al. 2021): w^2 over the sum of w'^2 of the weights that are not smaller. A
/// global ranking of them spares thin layers without any setting.
std::vector<double> lamp_scores(const Tensor& w);

}  // namespace pith::compress
