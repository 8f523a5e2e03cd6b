#include "compress/quantizers/reconstruction.h"

#include <algorithm>
#include <cmath>

#include "compress/quantizers/post_training.h"
#include "tensor/formats/quant_params.h"
#include "tensor/ops/accumulator_steps.h"
#include "tensor/parallel.h"

namespace pith::compress {
namespace {

/// Output channel k of one layer.
class Channel {
 public:
  Channel(nn::IntegerLayer& layer, const GroupMoments& m, const Tensor& weight, int64_t k, float x_scale)
      : layer_(layer), m_(m), k_(static_cast<size_t>(k)), row_(static_cast<size_t>(k % m.rows)), x_scale_(x_scale) {
    const size_t d = static_cast<size_t>(m.depth);
    const int32_t most = highest_level(layer.bits);
    problem_ = {.gram = m.gram,
                .cross = std::span(m.cross).subspan(row_ * d, d),
                .weights = {weight.data<float>() + k_ * d, d},
                .input_scale = x_scale,
                .lowest = -most,
                .highest = most};
  }

  void choose(const ReconstructionOptions& o) {
    const bool is_nearest = layer_.bits == 1 || o.rounding == Rounding::nearest;
    if (!is_nearest) store(rounded(o));
    correct_bias();
    if (is_nearest) correct_real_bias();
  }

 private:
  RoundedWeights rounded(const ReconstructionOptions& o) const {
    const float scale = layer_.weight_scale[k_];
    if (o.rounding == Rounding::adaround) return round_by_adaround(problem_, scale, o.adaround_steps);
    const double bias = std::abs(m_.target[row_]) + 1;  // what it could become, generously
    return round_by_descent_and_scale(problem_, scale, static_cast<float>(2 * bias / (ops::kMostBias * x_scale_)));
  }

  void store(const RoundedWeights& w) {
    layer_.weight_scale[k_] = w.scale;
    int8_t* const to = layer_.weights.mutable_data<int8_t>() + k_ * w.values.size();
    std::transform(w.values.begin(), w.values.end(), to, [](int32_t q) { return static_cast<int8_t>(q); });
  }

  void correct_bias() {
    const size_t d = static_cast<size_t>(m_.depth);
    const int8_t* const q = layer_.weights.data<int8_t>() + k_ * d;
    const double unit = static_cast<double>(x_scale_) * layer_.weight_scale[k_];
    double bias = m_.target[row_] / unit;
    for (size_t i = 0; i < d; ++i) bias -= q[i] * m_.input[i];
    layer_.bias.mutable_data<int32_t>()[k_] =
        static_cast<int32_t>(std::nearbyint(std::clamp(bias, -ops::kMostBias, ops::kMostBias)));
  }

  /// Training goes on from real weights, rounded to the nearest.
  void correct_real_bias() {
    const float corrected = static_cast<float>(layer_.bias.data<int32_t>()[k_]);
    layer_.shape.bias.mutable_data<float>()[k_] = corrected * x_scale_ * layer_.weight_scale[k_];
  }

  nn::IntegerLayer& layer_;
  const GroupMoments& m_;
  size_t k_, row_;
  float x_scale_;
  RoundingProblem problem_;
};

}  // namespace

nn::IntegerSpec reconstructed(const nn::Graph& graph, nn::IntegerSpec spec, std::span<const Tensor> batches,
                              const ReconstructionOptions& options,
                              const std::function<void(const std::string& layer)>& done) {
  for (size_t i = 0; i < graph.layers.size(); ++i) {
    const nn::GraphLayer& from = graph.layers[i];
    if (!from.has_weights()) continue;
    const std::vector<GroupMoments> moments = layer_moments(graph, spec, i, batches);
    nn::IntegerLayer& layer = spec.layers[i];
    const float x_scale = spec.values[static_cast<size_t>(from.input)].scale;
    layer.weights = Tensor::from(layer.weights.to_vector<int8_t>(), layer.weights.shape());  // handles share bytes
    layer.bias = Tensor::from(layer.bias.to_vector<int32_t>(), layer.bias.shape());
    layer.shape.bias = Tensor::from(layer.shape.bias.to_vector<float>(), layer.shape.bias.shape());
    const Tensor weight = from.weight.contiguous();
    parallel_for(weight.shape()[0], 1, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k)
        Channel(layer, moments[static_cast<size_t>(k / moments[0].rows)], weight, k, x_scale).choose(options);
    });
    if (done) done(from.name);
  }
  return spec;
}

}  // namespace pith::compress
