#include "compress/quantizers/equalisation.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace pith::compress {
namespace {

struct Pair {
  size_t first, second;
  int64_t spread;  ///< inputs of the second for each channel of the first: pixels that a flatten made features
};

/// The layers that read value `value`, as input or as residual.
std::vector<size_t> readers(const nn::Graph& graph, int64_t value) {
  std::vector<size_t> all;
  for (size_t i = 0; i < graph.layers.size(); ++i)
    if (graph.layers[i].input == value || graph.layers[i].residual == value) all.push_back(i);
  return all;
}

std::vector<Pair> pairs_of(const nn::Graph& graph) {
  std::vector<Pair> pairs;
  for (size_t i = 0; i < graph.layers.size(); ++i) {
    const nn::GraphLayer& first = graph.layers[i];
    if (!first.has_weights() || first.residual >= 0) continue;
    for (size_t at = i;;) {
      const std::vector<size_t> next = readers(graph, static_cast<int64_t>(at + 1));
      if (next.size() != 1 || graph.layers[next[0]].residual == static_cast<int64_t>(at + 1)) break;
      at = next[0];
      const nn::GraphLayer& second = graph.layers[at];
      if (!second.has_weights()) continue;
      if (second.kind == nn::LayerKind::linear || second.window.groups == 1)
        pairs.push_back({i, at, second.weight.shape()[1] / first.weight.shape()[0]});
      break;
    }
  }
  return pairs;
}

/// Both sides of one channel of a pair, as the places of its weights.
class Sides {
 public:
  Sides(nn::Graph& graph, const Pair& pair)
      : a_(graph.layers[pair.first].weight),
        bias_(graph.layers[pair.first].bias),
        norm_scale_(graph.layers[pair.first].norm_scale),
        norm_shift_(graph.layers[pair.first].norm_shift),
        b_(graph.layers[pair.second].weight),
        spread_(pair.spread) {}

  /// Divides channel i and returns the factor, 1 where it has no range.
  double equalise(int64_t i) {
    double first = 0, second = 0;
    each(
        i, [&](float& w) { first = std::max<double>(first, std::abs(w)); },
        [&](float& w) { second = std::max<double>(second, std::abs(w)); });
    if (first == 0 || second == 0) return 1;
    const double s = std::sqrt(first / second);
    each(
        i, [&](float& w) { w = static_cast<float>(w / s); }, [&](float& w) { w = static_cast<float>(w * s); });
    for (Tensor* const t : {&bias_, &norm_scale_, &norm_shift_})
      if (t->defined()) t->mutable_data<float>()[i] = static_cast<float>(t->data<float>()[i] / s);
    return s;
  }

 private:
  template <class First, class Second>
  void each(int64_t i, const First& f, const Second& g) {
    const int64_t rows = a_.shape()[0], depth = a_.numel() / rows;
    for (int64_t d = 0; d < depth; ++d) f(a_.mutable_data<float>()[i * depth + d]);
    const int64_t outputs = b_.shape()[0], each = b_.numel() / outputs, part = each / b_.shape()[1] * spread_;
    for (int64_t k = 0; k < outputs; ++k)
      for (int64_t d = 0; d < part; ++d) g(b_.mutable_data<float>()[k * each + i * part + d]);
  }

  Tensor a_, bias_, norm_scale_, norm_shift_, b_;  ///< handles: they share the graph's bytes
  int64_t spread_;
};

void own_weights(nn::Graph& graph) {
  for (nn::GraphLayer& layer : graph.layers) {
    if (!layer.has_weights()) continue;
    for (Tensor* const t : {&layer.weight, &layer.bias, &layer.norm_scale, &layer.norm_shift})
      if (t->defined()) *t = Tensor::from(t->to_vector<float>(), t->shape());
  }
}

}  // namespace

int64_t equalise(nn::Graph& graph) {
  own_weights(graph);
  const std::vector<Pair> pairs = pairs_of(graph);
  for (int sweep = 0; sweep < 40; ++sweep) {
    double furthest = 0;
    for (const Pair& pair : pairs) {
      Sides sides(graph, pair);
      for (int64_t i = 0; i < graph.layers[pair.first].weight.shape()[0]; ++i)
        furthest = std::max(furthest, std::abs(std::log(sides.equalise(i))));
    }
    if (furthest < 0.01) break;
  }
  return std::ssize(pairs);
}

}  // namespace pith::compress
