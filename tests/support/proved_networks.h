// Small integer networks to prove things of: every kind of layer, any widths.
#pragma once

#include "compress/quantizers/post_training.h"
#include "nn/fold.h"
#include "nn/models.h"
#include "tests/support/golden.h"

namespace pith::test {

inline Tensor waves(int64_t n, const Shape& image, double phase = 1) {
  return wave({n, image[0], image[1], image[2]}, phase, DType::f32);
}

/// The network of this name, freshly initialised with lively biases, quantized as `options` say on drawn waves.
inline nn::IntegerSpec quantized_network(const char* name, const Shape& image,
                                         const compress::PostTrainingOptions& options) {
  const auto model = nn::make_model(name, {.input = image, .seed = 5});
  model->visit_parameters([](const std::string& p, nn::Parameter& parameter) {
    if (parameter.shape().rank() == 1 && p.find("bias") != std::string::npos)
      parameter.load(wave(parameter.shape(), 2, DType::f32));
  });
  nn::fold_batch_norm(*model);
  const nn::Graph graph = nn::graph_of(*model, image);
  compress::Calibration c(graph);
  c.add_extremes(waves(4, image));
  c.add_moments(waves(4, image));
  return compress::quantize_after_training(graph, c.finish(), options, name);
}

}  // namespace pith::test
