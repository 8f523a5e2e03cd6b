// Hybrid ranking: several criteria vote. Norms, activations and gradients have different scales, so each criterion's
// scores become ranks first, and the ranks are added with weights.
#pragma once

#include <span>
#include <vector>

namespace pith::compress {

/// The rank of every score from 0 (lowest) to 1 (highest), equal scores sharing the mean of their ranks; a single score
/// ranks 1. Throws NumericError for NaN.
std::vector<double> ranks_of(const std::vector<double>& scores);

/// Sum over the criteria of weight times rank. criteria: one list of scores each, all as long; one weight each, not
/// below 0 and not all 0. Throws ArgumentError otherwise.
std::vector<double> hybrid_scores(std::span<const std::vector<double>> criteria, std::span<const double> weights);

}  // namespace pith::compress
