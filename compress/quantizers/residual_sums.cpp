#include "compress/quantizers/residual_sums.h"

#include <algorithm>
#include <map>

#include "compress/quantizers/post_training.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

/// Layers that read a value rounded.
std::vector<bool> narrow_readers(const nn::Graph& graph, WideReaders wide) {
  std::vector<bool> narrow;
  for (int64_t i = 0; i < std::ssize(graph.layers); ++i)
    narrow.push_back(graph.layers[static_cast<size_t>(i)].has_weights() &&
                     !(wide == WideReaders::sums_and_shortcuts && is_shortcut(graph, i)));
  return narrow;
}

}  // namespace

bool is_shortcut(const nn::Graph& graph, int64_t layer) {
  const auto reads = [&](const nn::GraphLayer& l) { return l.input == layer + 1; };
  const auto adds = [&](const nn::GraphLayer& l) { return l.residual == layer + 1; };
  return graph.layers[static_cast<size_t>(layer)].has_weights() &&
         std::none_of(graph.layers.begin(), graph.layers.end(), reads) &&
         std::any_of(graph.layers.begin(), graph.layers.end(), adds);
}

bool joins_sum(const nn::Graph& graph, int64_t value) {
  if (value > 0 && graph.layers[static_cast<size_t>(value - 1)].residual >= 0) return true;
  for (size_t i = 0; i < graph.layers.size(); ++i) {
    const nn::GraphLayer& l = graph.layers[i];
    if (l.residual == value) return true;
    if (l.input == value && passes_on(l) && joins_sum(graph, static_cast<int64_t>(i + 1))) return true;
  }
  return false;
}

nn::Graph with_requantized_sums(const nn::Graph& graph, WideReaders wide) {
  const std::vector<bool> narrow = narrow_readers(graph, wide);
  const auto is_multiplied = [&](int64_t value) {
    for (size_t i = 0; i < narrow.size(); ++i)
      if (narrow[i] && graph.layers[i].input == value) return true;
    return false;
  };
  nn::Graph out{.input = graph.input, .layers = {}};
  std::vector<int64_t> sums{0};        // where value i went
  std::map<int64_t, int64_t> rounded;  // and its narrow form
  for (size_t i = 0; i < graph.layers.size(); ++i) {
    nn::GraphLayer layer = graph.layers[i];
    const auto known = narrow[i] ? rounded.find(layer.input) : rounded.end();
    layer.input = known == rounded.end() ? sums[static_cast<size_t>(layer.input)] : known->second;
    if (layer.residual >= 0) layer.residual = sums[static_cast<size_t>(layer.residual)];
    out.layers.push_back(std::move(layer));
    const int64_t value = static_cast<int64_t>(i + 1);
    sums.push_back(std::ssize(out.layers));
    if (!joins_sum(graph, value) || !is_multiplied(value)) continue;
    out.layers.push_back({.kind = nn::LayerKind::requantize,
                          .name = graph.layers[i].name + ".requantized",
                          .input = sums.back(),
                          .output = graph.layers[i].output});
    rounded[value] = std::ssize(out.layers);
  }
  return out;
}

Statistics with_requantized_sums(const Statistics& statistics, const nn::Graph& graph) {
  Statistics out{.fingerprint = statistics.fingerprint, .names = {statistics.names.at(0)}, .values = {}};
  out.values.push_back(statistics.values.at(0));
  size_t next = 1;
  for (const nn::GraphLayer& layer : graph.layers) {
    const bool is_new = layer.kind == nn::LayerKind::requantize;
    if (!is_new && next >= statistics.values.size()) throw ArgumentError("quantize: statistics of another graph");
    out.names.push_back(layer.name);
    out.values.push_back(is_new ? out.values[static_cast<size_t>(layer.input)] : statistics.values[next++]);
  }
  return out;
}

}  // namespace pith::compress
