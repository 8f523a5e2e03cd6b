// Bits a layer for a budget: of bytes, or of accuracy. What a network is worth is asked of the caller.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "apps/console.h"
#include "compress/quantizers/mixed_precision.h"

namespace pith::apps {

/// A network, and everything that is known of it before its bits are chosen.
struct BudgetCase {
  const nn::Graph& graph;
  const compress::Statistics& statistics;
  compress::PostTrainingOptions options;  ///< for what is not chosen
  std::string model;
  std::vector<compress::LayerWidths> layers = {};  ///< what each width of each layer costs
};

/// Fills in `layers`, with a bar. cost: of a network, the less the better.
void measure_widths(BudgetCase& c, const std::vector<int>& widths, const compress::NetworkCost& cost, Console& console);

/// The smallest of the networks that are best for their bytes whose accuracy is at least `wanted`, by bisection:
/// between its bytes and the next smaller ones that were tried lies a hundredth. finish: from chosen bits to the
/// network that would be written; accuracy: of that, in percent. A note a try. Throws ArgumentError where the largest
/// has less.
nn::IntegerSpec smallest_within(const BudgetCase& c, double wanted,
                                const std::function<nn::IntegerSpec(const compress::PostTrainingOptions&)>& finish,
                                const std::function<double(const nn::IntegerSpec&)>& accuracy, Console& console);

}  // namespace pith::apps
