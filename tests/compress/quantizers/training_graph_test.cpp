// The training-time graph and integer inference are one function: every layer's integers, compared exactly; before a
// step and after some. And its gradients are those of the same function without rounding.
#include <gtest/gtest.h>

#include "autograd/ops/softmax_loss.h"
#include "compress/quantizers/post_training.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "nn/checkpoint.h"
#include "nn/fold.h"
#include "nn/models.h"
#include "nn/optim/optimizer.h"
#include "nn/packed_network.h"
#include "nn/quantized_training.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/integer_comparison.h"
#include "tests/support/tables.h"

namespace pith::compress {
namespace {

using test::differing;

Tensor waves(int64_t n, const Shape& image, double phase) {
  return test::wave({n, image[0], image[1], image[2]}, phase, DType::f32);
}

nn::IntegerSpec start(const char* name, const Shape& image, const PostTrainingOptions& options) {
  const auto model = nn::make_model(name, {.input = image, .seed = 7});
  nn::fold_batch_norm(*model);
  const nn::Graph graph = nn::graph_of(*model, image);
  Calibration c(graph);
  c.add_extremes(waves(4, image, 1));
  c.add_moments(waves(4, image, 1));
  return quantize_after_training(graph, c.finish(), options, name);
}

void train(nn::QuantizedTraining& training, const Shape& image, int steps) {
  const auto optimizer = nn::make_sgd(training, {.momentum = 0.9});
  const Tensor labels = Tensor::from(std::vector<int32_t>{1, 3, 5, 7}, {4});
  for (int i = 0; i < steps; ++i) {
    training.clear_gradients();
    softmax_cross_entropy(training.run(Variable(waves(4, image, 1))), labels).backward();
    optimizer->step(0.01);
  }
}

TEST(TrainingGraph, IsTheIntegerNetworkInEveryLayer) {
  const std::vector<std::pair<const char*, Shape>> models{
      {"lenet5", {1, 12, 12}}, {"resnet20-cifar", {3, 8, 8}}, {"simplenet-v2-mnist", {1, 16, 16}}};
  for (const auto& [name, image] : models)
    for (const auto& [w, a] : {std::pair{8, 8}, {4, 8}, {4, 4}, {2, 2}, {2, 8}, {1, 1}}) {
      const nn::IntegerSpec spec = start(name, image, {.bits_weights = w, .bits_activations = a});
      nn::QuantizedTraining training(spec);
      const NoGradient inference;
      for (const KernelTable* const table : test::tables())
        for (const int64_t n : {1, 5}) {
          int64_t seen = 0;
          EXPECT_EQ(differing(training, spec, waves(n, image, 3), *table, seen), 0)
              << name << " W" << w << "A" << a << " batch " << n << " " << table->isa;
          EXPECT_GT(seen, 100);
        }
    }
}

TEST(TrainingGraph, IsItWithTheRangesOfEveryBatch) {
  const std::vector<std::pair<const char*, Shape>> models{
      {"lenet5", {1, 12, 12}}, {"resnet20-cifar", {3, 8, 8}}, {"simplenet-v2-mnist", {1, 16, 16}}};
  for (const auto& [name, image] : models)
    for (const auto& [w, a] : {std::pair{8, 8}, {4, 4}, {2, 2}}) {
      nn::QuantizedTraining training(
          start(name, image, {.bits_weights = w, .bits_activations = a, .is_dynamic = true}));
      train(training, image, 2);
      const nn::IntegerSpec spec = training.spec();
      for (const KernelTable* const table : test::tables())
        for (const int64_t n : {1, 5}) {
          int64_t seen = 0;
          EXPECT_EQ(differing(training, spec, waves(n, image, 3), *table, seen), 0)
              << name << " W" << w << "A" << a << " batch " << n << " " << table->isa;
          EXPECT_GT(seen, 100);
        }
    }
}

TEST(TrainingGraph, StaysItWhileItLearns) {
  const Shape image{3, 8, 8};
  for (const int bits : {8, 4, 2, 1}) {
    nn::QuantizedTraining training(
        start("resnet20-cifar", image, {.bits_weights = bits, .bits_activations = std::max(bits, 2)}));
    const nn::IntegerSpec before = training.spec();
    train(training, image, 3);
    const nn::IntegerSpec after = training.spec();
    EXPECT_NE(before.layers[2].shape.weight.to_vector<float>(), after.layers[2].shape.weight.to_vector<float>());
    EXPECT_NE(before.values[3].scale, after.values[3].scale);
    int64_t seen = 0;
    EXPECT_EQ(differing(training, after, waves(5, image, 2), kernels(), seen), 0) << bits;  // with gradients on
  }
}

TEST(TrainingGraph, LearnsTheSameBitsAtAnyThreadCount) {
  const Shape image{3, 8, 8};
  const int before = threads();
  std::vector<std::vector<float>> seen;
  for (const int count : {1, 2}) {
    set_threads(count);
    nn::QuantizedTraining training(start("resnet20-cifar", image, {.bits_weights = 4, .bits_activations = 4}));
    train(training, image, 2);
    seen.push_back(training.spec().layers[5].shape.weight.to_vector<float>());
  }
  set_threads(before);
  EXPECT_EQ(seen[0], seen[1]);
}

TEST(TrainingGraph, LowersItsLoss) {
  const Shape image{1, 12, 12};
  nn::QuantizedTraining training(start("lenet5", image, {.bits_weights = 4, .bits_activations = 4}));
  const Tensor labels = Tensor::from(std::vector<int32_t>{1, 3, 5, 7}, {4});
  const auto loss = [&] {
    return softmax_cross_entropy(training.run(Variable(waves(4, image, 1))), labels).value().item();
  };
  const double before = loss();
  train(training, image, 60);
  EXPECT_LT(loss(), 0.7 * before);
}

TEST(TrainingGraph, KeepsPrunedWeightsAtZeroIntegers) {
  const Shape image{1, 12, 12};
  nn::QuantizedTraining training(start("lenet5", image, {}));
  std::shared_ptr<const Mask> mask;
  training.visit_parameters([&](const std::string& name, nn::Parameter& p) {
    if (name != "fc1.weight") return;
    std::vector<uint8_t> keep(static_cast<size_t>(p.shape().numel()));
    for (size_t i = 0; i < keep.size(); ++i) keep[i] = i % 5 == 0;
    mask = std::make_shared<const Mask>(Mask::from(Tensor::from(keep, p.shape())));
    p.set_mask(mask);
  });
  train(training, image, 3);
  const nn::IntegerSpec spec = training.spec();
  for (const nn::IntegerLayer& layer : spec.layers) {
    if (layer.shape.name != "fc1") continue;
    for (int64_t i = 0; i < layer.weights.numel(); ++i) {
      if (mask->keeps(i)) continue;
      EXPECT_EQ(layer.weights.data<int8_t>()[i], 0);
    }
  }
}

TEST(TrainingGraph, ComesBackFromItsFile) {
  const test::TemporaryDirectory folder;
  const Shape image{1, 12, 12};
  const nn::IntegerSpec spec = start("lenet5", image, {.bits_weights = 4, .bits_activations = 4});
  const std::string path = folder.file("train.safetensors");
  nn::write_packed_network(path, spec, nn::FloatWeights::kept);
  nn::QuantizedTraining training(nn::read_packed_network(path));
  int64_t seen = 0;
  EXPECT_EQ(differing(training, spec, waves(2, image, 2), kernels(), seen), 0);
  nn::write_packed_network(path, spec);
  EXPECT_NE(test::message_of<ArgumentError>([&] {
              nn::QuantizedTraining{nn::read_packed_network(path)};
            }).find("real weights"),
            std::string::npos);
}

TEST(TrainingGraph, IsItOnRealImagesWithTrainedWeights) {
  const std::string weights = test::real_data("checkpoints/checkpoint_trained_dense.safetensors");
  if (weights.empty() || test::real_data("cifar-10").empty())
    GTEST_SKIP() << "PITH_DATA names no folder with checkpoints/checkpoint_trained_dense.safetensors and cifar-10";
  const data::DataSource source = data::open_data("cifar10");
  data::Loader loader(source.test, source.normalization, {.batch_size = 64, .workers = 0});
  loader.start(0);
  const Tensor x = loader.next().images;
  const auto model = nn::make_model("resnet20-cifar");
  nn::load_weights(weights, *model);
  nn::fold_batch_norm(*model);
  const nn::Graph graph = nn::graph_of(*model, {3, 32, 32});
  Calibration c(graph);
  c.add_extremes(x);
  c.add_moments(x);
  const NoGradient inference;
  for (const auto& [w, a] : {std::pair{8, 8}, {4, 4}, {2, 2}}) {
    const nn::IntegerSpec spec =
        quantize_after_training(graph, c.finish(), {.bits_weights = w, .bits_activations = a}, "resnet20-cifar");
    nn::QuantizedTraining training(spec);
    for (const KernelTable* const table : test::tables()) {
      int64_t seen = 0;
      EXPECT_EQ(differing(training, spec, x, *table, seen), 0) << "W" << w << "A" << a << " " << table->isa;
      EXPECT_GT(seen, 12'000'000);
    }
  }
}

}  // namespace
}  // namespace pith::compress
