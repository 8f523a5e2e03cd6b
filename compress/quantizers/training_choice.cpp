#include "compress/quantizers/training_choice.h"

#include <utility>

#include "nn/quantized_training.h"

namespace pith::compress {

nn::IntegerSpec chosen_training(nn::IntegerSpec spec, const TrainingChoice& choice, int bits_weights) {
  for (nn::IntegerLayer& layer : spec.layers) {
    if (layer.shape.has_weights() && layer.bits == bits_weights)
      layer.weight_training = choice.weights, layer.accumulator = choice.accumulator;
    layer.value_training = choice.values;
    if (layer.shape.kind == nn::LayerKind::conv) layer.norm_training = choice.norm;
  }
  return nn::QuantizedTraining(std::move(spec)).spec();
}

}  // namespace pith::compress
