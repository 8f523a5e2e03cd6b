#include "compress/quantizers/range_search.h"

#include <cmath>
#include <utility>
#include <vector>

#include "compress/quantizers/post_training.h"
#include "tensor/error.h"
#include "tensor/formats/quant_params.h"

namespace pith::compress {
namespace {

/// One scale of a network: of a value, or of a layer's weights.
struct Axis {
  bool is_value;
  size_t index;
};

std::vector<Axis> axes_of(const nn::Graph& graph) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < graph.layers.size(); ++i) {
    if (graph.layers[i].has_weights()) axes.push_back({false, i});
    if (!passes_on(graph.layers[i]) && i + 1 < graph.layers.size()) axes.push_back({true, i + 1});
  }
  return axes;
}

void rescale_weights(const nn::GraphLayer& from, nn::IntegerLayer& layer, double factor) {
  const std::vector<float> w = from.weight.to_vector<float>();
  std::vector<int8_t> q(w.size());
  const size_t each = w.size() / layer.weight_scale.size();
  const int32_t most = highest_level(layer.bits);
  for (size_t k = 0; k < layer.weight_scale.size(); ++k) {
    layer.weight_scale[k] = static_cast<float>(layer.weight_scale[k] * factor);
    quantize_row(std::span(w).subspan(k * each, each), {layer.weight_scale[k], 0, -most, most}, q.data() + k * each);
  }
  layer.weights = Tensor::from(q, layer.weights.shape());
}

/// `spec` with one scale times `factor`: integers of weights and biases follow.
nn::IntegerSpec rescaled(const nn::Graph& graph, nn::IntegerSpec spec, const Axis& axis, double factor) {
  if (axis.is_value) {
    nn::ValueQuant& q = spec.values[axis.index];
    q.scale = static_cast<float>(q.scale * factor);
  } else if (spec.layers[axis.index].bits > 1) {
    rescale_weights(graph.layers[axis.index], spec.layers[axis.index], factor);
  }
  for (size_t i = 0; i < graph.layers.size(); ++i) {
    const nn::GraphLayer& layer = graph.layers[i];
    const nn::ValueQuant& x = spec.values[static_cast<size_t>(layer.input)];
    if (passes_on(layer)) spec.values[i + 1] = x;
    const bool follows = axis.is_value || axis.index == i;
    if (layer.has_weights() && follows) round_bias(spec.layers[i], layer.bias, x.scale);
  }
  return spec;
}

class Search {
 public:
  Search(const nn::Graph& graph, nn::IntegerSpec spec, const NetworkCost& cost)
      : graph_(graph), cost_(cost), best_{.spec = std::move(spec)} {
    best_.before = best_.after = cost_(best_.spec);
  }

  void walk(const Axis& axis, double step) {
    if (!go(axis, 1 / step)) go(axis, step);
  }
  SearchedRanges take() { return std::move(best_); }

 private:
  /// As far as it pays; says whether it paid at all.
  bool go(const Axis& axis, double factor) {
    bool paid = false;
    for (int i = 0; i < 4; ++i) {
      nn::IntegerSpec tried = rescaled(graph_, best_.spec, axis, factor);
      const double c = cost_(tried);
      if (!(c < best_.after)) break;
      best_.after = c, best_.spec = std::move(tried), paid = true;
    }
    return paid;
  }

  const nn::Graph& graph_;
  const NetworkCost& cost_;
  SearchedRanges best_;
};

}  // namespace

SearchedRanges searched_ranges(const nn::Graph& graph, nn::IntegerSpec spec, const NetworkCost& cost,
                               const RangeSearch& search) {
  if (spec.is_dynamic) throw ArgumentError("range search: a network of dynamic ranges has none to search");
  const std::vector<Axis> axes = axes_of(graph);
  Search state(graph, std::move(spec), cost);
  double step = search.step;
  int64_t done = 0;
  for (int round = 0; round < search.rounds; ++round, step = std::sqrt(step))
    for (const Axis& axis : axes) {
      state.walk(axis, step);
      if (search.progress) search.progress(++done, search.rounds * std::ssize(axes));
    }
  return state.take();
}

}  // namespace pith::compress
