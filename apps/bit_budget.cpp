#include "apps/bit_budget.h"

#include <fmt/format.h>

#include <algorithm>

#include "nn/packed_network.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

/// The bytes of the file with every layer at its smallest or its largest option.
int64_t file_bytes(const BudgetCase& c, bool largest) {
  compress::PostTrainingOptions o = c.options;
  for (const compress::LayerWidths& layer : c.layers) {
    const auto [least, most] = std::minmax_element(
        layer.options.begin(), layer.options.end(),
        [](const compress::WidthOption& a, const compress::WidthOption& b) { return a.bytes < b.bytes; });
    o = compress::with_bits(std::move(o), c.graph.layers[layer.layer].name, (largest ? most : least)->bits);
  }
  return nn::packed_bytes(compress::quantize_after_training(c.graph, c.statistics, o, c.model));
}

}  // namespace

void measure_widths(BudgetCase& c, const std::vector<int>& widths, const compress::NetworkCost& cost,
                    Console& console) {
  Progress* bar = nullptr;
  c.layers = compress::measured_widths(c.graph, c.statistics, c.options, widths, cost, [&](int64_t done, int64_t of) {
    if (bar == nullptr) bar = &console.progress("widths", of);
    if (bar->due()) bar->show(done, "");
  });
  if (bar != nullptr) console.end_progress();
}

nn::IntegerSpec smallest_within(const BudgetCase& c, double wanted,
                                const std::function<nn::IntegerSpec(const compress::PostTrainingOptions&)>& finish,
                                const std::function<double(const nn::IntegerSpec&)>& accuracy, Console& console) {
  nn::IntegerSpec best;
  const auto holds = [&](int64_t bytes) {
    nn::IntegerSpec tried = finish(compress::within_bytes(c.graph, c.statistics, c.options, c.layers, bytes, c.model));
    const double found = accuracy(tried);
    console.note(fmt::format("{} bytes: {:.2f} % of the images held out, {:.2f} wanted", bytes, found, wanted));
    if (found < wanted) return false;
    best = std::move(tried);
    return true;
  };
  int64_t too_small = file_bytes(c, false), enough = file_bytes(c, true);
  if (holds(too_small)) return best;
  if (!holds(enough))
    throw ArgumentError(
        fmt::format("--budget-points: at the largest of --budget-widths, too, the network stays below "
                    "{:.2f} %; give more points or larger widths",
                    wanted));
  while (enough - too_small > enough / 100) {
    const int64_t between = too_small + (enough - too_small) / 2;
    (holds(between) ? enough : too_small) = between;
  }
  return best;
}

}  // namespace pith::apps
