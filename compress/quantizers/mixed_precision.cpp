#include "compress/quantizers/mixed_precision.h"

#include <algorithm>

#include "compress/selector.h"
#include "nn/packed_network.h"
#include "nn/packed_weights.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

/// Layers up to one of them, stored somehow.
struct Choice {
  int64_t bytes = 0;
  double cost = 0;
  size_t before = 0;  ///< place in the front of the layers before
  size_t option = 0;
};

/// What is left when everything goes that another choice undercuts in bytes without costing more.
std::vector<Choice> front_of(std::vector<Choice> all) {
  std::stable_sort(all.begin(), all.end(), [](const Choice& a, const Choice& b) {
    return a.bytes != b.bytes ? a.bytes < b.bytes : a.cost < b.cost;
  });
  std::vector<Choice> front;
  for (const Choice& c : all)
    if (front.empty() || c.cost < front.back().cost) front.push_back(c);
  return front;
}

bool is_set(const PostTrainingOptions& options, const std::string& layer) {
  return std::any_of(options.overrides.begin(), options.overrides.end(),
                     [&](const QuantOverride& o) { return o.bits_weights != 0 && Selector(o.layers).matches(layer); });
}

int64_t weight_bytes(const nn::IntegerLayer& layer) {
  Container file;
  nn::add_weights(file, layer.shape.name, layer.weights, layer.bits);
  int64_t bytes = 0;
  for (const Section& s : file.sections) bytes += std::ssize(s.bytes);
  return bytes;
}

PostTrainingOptions chosen(const nn::Graph& graph, PostTrainingOptions options, const std::vector<LayerWidths>& layers,
                           const std::vector<size_t>& choice) {
  for (size_t i = 0; i < choice.size(); ++i)
    options = with_bits(std::move(options), graph.layers[layers[i].layer].name, layers[i].options[choice[i]].bits);
  return options;
}

}  // namespace

/// The first override that matches counts alone, so the new one takes over what another says of activations.
PostTrainingOptions with_bits(PostTrainingOptions options, const std::string& layer, int bits) {
  QuantOverride all{.layers = layer, .bits_weights = bits};
  const auto other = std::find_if(options.overrides.begin(), options.overrides.end(),
                                  [&](const QuantOverride& o) { return Selector(o.layers).matches(layer); });
  if (other != options.overrides.end()) all.bits_activations = other->bits_activations;
  options.overrides.insert(options.overrides.begin(), all);
  return options;
}

std::vector<size_t> cheapest_choice(const std::vector<std::vector<WidthOption>>& layers, int64_t budget) {
  std::vector<std::vector<Choice>> fronts{{Choice{}}};
  for (const std::vector<WidthOption>& options : layers) {
    std::vector<Choice> all;
    for (size_t before = 0; before < fronts.back().size(); ++before)
      for (size_t o = 0; o < options.size(); ++o) {
        const Choice& c = fronts.back()[before];
        if (c.bytes + options[o].bytes <= budget)
          all.push_back({c.bytes + options[o].bytes, c.cost + options[o].cost, before, o});
      }
    fronts.push_back(front_of(std::move(all)));
    if (fronts.back().empty()) return {};
  }
  std::vector<size_t> choice(layers.size());
  size_t at = fronts.back().size() - 1;  // the dearest in bytes costs least
  for (size_t i = layers.size(); i-- > 0;) {
    const Choice& c = fronts[i + 1][at];
    choice[i] = c.option;
    at = c.before;
  }
  return choice;
}

std::vector<LayerWidths> measured_widths(const nn::Graph& graph, const Statistics& statistics,
                                         const PostTrainingOptions& options, std::span<const int> widths,
                                         const NetworkCost& cost,
                                         const std::function<void(int64_t done, int64_t of)>& progress) {
  std::vector<LayerWidths> all;
  for (size_t i = 0; i < graph.layers.size(); ++i)
    if (graph.layers[i].has_weights() && !is_set(options, graph.layers[i].name)) all.push_back({i, {}});
  int64_t done = 0;
  for (LayerWidths& layer : all)
    for (const int bits : widths) {
      const nn::IntegerSpec spec =
          quantize_after_training(graph, statistics, with_bits(options, graph.layers[layer.layer].name, bits), "");
      layer.options.push_back({bits, weight_bytes(spec.layers[layer.layer]), cost(spec)});
      if (progress) progress(++done, std::ssize(all) * std::ssize(widths));
    }
  return all;
}

PostTrainingOptions within_bytes(const nn::Graph& graph, const Statistics& statistics,
                                 const PostTrainingOptions& options, const std::vector<LayerWidths>& layers,
                                 int64_t bytes, const std::string& model) {
  std::vector<std::vector<WidthOption>> ways;
  std::vector<size_t> smallest;
  int64_t least = 0;
  for (const LayerWidths& layer : layers) {
    ways.push_back(layer.options);
    const auto way = std::min_element(layer.options.begin(), layer.options.end(),
                                      [](const WidthOption& a, const WidthOption& b) { return a.bytes < b.bytes; });
    smallest.push_back(static_cast<size_t>(way - layer.options.begin()));
    least += way->bytes;
  }
  const auto file_of = [&](const std::vector<size_t>& choice) {
    return nn::packed_bytes(quantize_after_training(graph, statistics, chosen(graph, options, layers, choice), model));
  };
  // Names and lengths in the header change with the choice by some bytes: what is too much goes off the budget.
  const int64_t least_file = file_of(smallest);
  for (int64_t budget = bytes - (least_file - least); budget >= least;) {
    const std::vector<size_t> choice = cheapest_choice(ways, budget);
    const int64_t excess = file_of(choice) - bytes;
    if (excess <= 0) return chosen(graph, options, layers, choice);
    budget -= excess;
  }
  throw ArgumentError("quantize: these widths make a file of at least " + std::to_string(least_file) + " bytes, not " +
                      std::to_string(bytes));
}

}  // namespace pith::compress
