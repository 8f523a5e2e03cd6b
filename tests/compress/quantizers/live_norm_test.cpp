// Training with batch norm live goes on from the batch norms of the float network: with weights of one bit, too, every
// channel keeps the mean and the deviation that it had.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "compress/quantizers/post_training.h"
#include "compress/quantizers/training_choice.h"
#include "nn/fold.h"
#include "nn/models.h"
#include "nn/packed_network.h"
#include "nn/quantized_training.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"

namespace pith::compress {
namespace {

using Floats = std::vector<float>;

constexpr const char* kModel = "resnet20-cifar";
const Shape kImage{3, 8, 8};

Tensor images(int64_t n, double phase) { return test::wave({n, 3, 8, 8}, phase, DType::f32); }

/// "layer1.0.conv1" -> "layer1.0.bn1".
std::string norm_of(std::string conv) {
  const size_t shortcut = conv.find("downsample.0"), inner = conv.find("conv");
  return shortcut != std::string::npos ? conv.replace(shortcut, 12, "downsample.1") : conv.replace(inner, 4, "bn");
}

struct Network {
  std::map<std::string, Floats> norms;  ///< sizes of the scales, and shifts, by the names of the float network
  nn::IntegerSpec start;
};

/// Scales and shifts drawn, quantized to one bit a weight.
Network network() {
  const auto model = nn::make_model(kModel, {.input = kImage, .seed = 7});
  Network n;
  double phase = 0;
  model->visit_parameters([&](const std::string& name, nn::Parameter& p) {
    if (p.shape().rank() != 1 || name.starts_with("fc")) return;
    p.load(test::wave(p.shape(), ++phase, DType::f32));
    n.norms[name] = p.value().to_vector<float>();
    if (name.ends_with("weight"))
      for (float& scale : n.norms[name]) scale = std::abs(scale);
  });
  nn::fold_batch_norm(*model);
  const nn::Graph graph = nn::graph_of(*model, kImage);
  Calibration c(graph);
  c.add_extremes(images(8, 1));
  c.add_moments(images(8, 1));
  n.start = chosen_training(
      quantize_after_training(graph, c.finish(), {.bits_weights = 1, .bits_activations = 4, .clip = {}}, kModel),
      {nn::WeightTraining::binary, nn::ValueTraining::lsq, nn::NormTraining::batch, 0}, 1);
  return n;
}

/// Scales and shifts of the network in training, by the names of the float one.
std::map<std::string, Floats> norms_of(nn::QuantizedTraining& training) {
  std::map<std::string, Floats> found;
  for (const nn::IntegerLayer& layer : training.spec().layers) {
    if (layer.shape.kind != nn::LayerKind::conv) continue;
    const std::string norm = norm_of(layer.shape.name);
    found[norm + ".weight"] = layer.shape.norm_scale.to_vector<float>();
    found[norm + ".bias"] = layer.shape.norm_shift.to_vector<float>();
  }
  return found;
}

TEST(LiveNorm, GoesOnFromTheFloatNetworksAlsoThroughAFile) {
  const test::TemporaryDirectory folder;
  const Network n = network();
  ASSERT_EQ(n.norms.size(), 42u);
  nn::write_packed_network(folder.file("start.safetensors"), n.start, nn::FloatWeights::kept);
  for (const nn::IntegerSpec& start : {n.start, nn::read_packed_network(folder.file("start.safetensors"))}) {
    nn::QuantizedTraining training(start);
    EXPECT_EQ(norms_of(training), n.norms);
    training.run(Variable(images(4, 2)));  // the first batch begins them, and moves none
    EXPECT_EQ(norms_of(training), n.norms);
  }
}

TEST(LiveNorm, UntilTheFirstBatchInferenceIsThatOfTheFoldedNetwork) {
  const Network n = network();
  nn::QuantizedTraining training(n.start);
  training.set_training(false);
  const Tensor x = images(6, 3);
  EXPECT_EQ(training.run(Variable(x)).value().to_vector<float>(),
            nn::IntegerNetwork(n.start).run(x).to_vector<float>());
}

}  // namespace
}  // namespace pith::compress
