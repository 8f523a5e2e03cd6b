// From a float network to integers: every layer's integers against the slow twin, on every instruction set, with one
// and two threads, in lanes and in tiles; and what is refused.
#include "compress/quantizers/post_training.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/fold.h"
#include "nn/models.h"
#include "nn/packed_network.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/integer_comparison.h"
#include "tests/support/tables.h"

namespace pith::compress {
namespace {

using test::message_of;

nn::Graph graph(const char* name, const Shape& image) {
  const auto model = nn::make_model(name, {.input = image, .seed = 5});
  model->visit_parameters([](const std::string& p, nn::Parameter& parameter) {
    if (parameter.shape().rank() != 1 || p.find("bias") == std::string::npos) return;
    parameter.load(test::wave(parameter.shape(), 2, DType::f32));
  });
  nn::fold_batch_norm(*model);
  return nn::graph_of(*model, image);
}

Tensor images(int64_t n, const Shape& image) { return test::wave({n, image[0], image[1], image[2]}, 1, DType::f32); }

Statistics statistics(const nn::Graph& g) {
  Calibration c(g);
  c.add_extremes(images(8, g.input));
  c.add_moments(images(8, g.input));
  return c.finish();
}

void expect_twin(const nn::IntegerSpec& spec, int64_t n, const KernelTable& table, const std::string& what) {
  test::expect_twin(spec, images(n, spec.input), table, what);
}

TEST(PostTraining, GivesTheTwinsIntegersInEveryLayer) {
  const std::vector<std::pair<const char*, Shape>> models{{"lenet5", {1, 12, 12}},
                                                          {"simplenet-cifar", {3, 16, 16}},
                                                          {"resnet20-cifar", {3, 8, 8}},
                                                          {"plain20-cifar", {3, 8, 8}}};
  for (const auto& [name, image] : models) {
    const nn::Graph g = graph(name, image);
    const nn::IntegerSpec spec = quantize_after_training(g, statistics(g), {}, name);
    for (const KernelTable* const table : test::tables()) {
      expect_twin(spec, 1, *table, name);
      expect_twin(spec, 17, *table, name);
    }
  }
}

TEST(PostTraining, GivesThemAtEveryBitWidthAndMode) {
  const nn::Graph g = graph("resnet20-cifar", {3, 8, 8});
  const Statistics s = statistics(g);
  for (const int bits : {1, 2, 3, 4, 5, 6, 7, 8})
    for (const QuantMode mode : {QuantMode::asymmetric_unsigned, QuantMode::symmetric}) {
      PostTrainingOptions o{.bits_weights = bits, .bits_activations = bits, .mode = mode, .clip = {}};
      o.clip.mode = ClipMode::average;
      expect_twin(quantize_after_training(g, s, o, "r"), 2, kernels(), "bits " + std::to_string(bits));
    }
}

TEST(PostTraining, GivesThemWithTwoThreads) {
  const int before = threads();
  const nn::Graph g = graph("resnet20-cifar", {3, 8, 8});
  const nn::IntegerSpec spec = quantize_after_training(g, statistics(g), {}, "r");
  for (const int count : {1, 2}) {
    set_threads(count);
    expect_twin(spec, 33, kernels(), std::to_string(count) + " threads");
  }
  set_threads(before);
}

TEST(PostTraining, StaysNearTheFloatNetwork) {
  const nn::Graph g = graph("resnet20-cifar", {3, 16, 16});
  const Statistics s = statistics(g);
  const Tensor x = images(8, g.input);
  const std::vector<float> real = run_graph(g, x).to_vector<float>();
  double largest = 0;
  for (const float v : real) largest = std::max<double>(largest, std::abs(v));
  for (const bool dynamic : {false, true}) {
    const nn::IntegerNetwork network(quantize_after_training(g, s, {.clip = {}, .is_dynamic = dynamic}, "r"));
    const std::vector<float> found = network.run(x).to_vector<float>();
    for (size_t i = 0; i < real.size(); ++i) EXPECT_NEAR(found[i], real[i], 0.05 * largest) << dynamic;
  }
}

TEST(PostTraining, KeepsPrunedWeightsAtZeroAtEveryWidth) {
  std::vector<float> w(64);
  for (size_t i = 0; i < w.size(); ++i) w[i] = i % 3 == 0 ? 0.0f : std::sin(static_cast<float>(i));
  for (const int bits : {2, 3, 4, 5, 6, 7, 8}) {
    const QuantizedWeights q = quantize_weights(Tensor::from(w, {4, 16}), bits, true, WeightRange::mse);
    for (size_t i = 0; i < w.size(); i += 3) EXPECT_EQ(q.values.data<int8_t>()[i], 0) << bits;
  }
}

TEST(PostTraining, RefusesBitsAndOverridesThatMeanNothing) {
  const nn::Graph g = graph("lenet5", {1, 12, 12});
  const Statistics s = statistics(g);
  for (const int bits : {0, 9})
    EXPECT_NE(message_of<ArgumentError>([&] {
                quantize_after_training(g, s, {.bits_weights = bits, .clip = {}}, "l");
              }).find(std::to_string(bits)),
              std::string::npos);
  PostTrainingOptions o{.clip = {}};
  o.overrides = {{.layers = "conv7", .bits_weights = 4}};
  EXPECT_NE(message_of<ArgumentError>([&] { quantize_after_training(g, s, o, "l"); }).find("conv7"), std::string::npos);
  o.overrides = {{.layers = "/conv./", .bits_weights = 4}, {.layers = "*", .bits_weights = 6}};
  const nn::IntegerSpec spec = quantize_after_training(g, s, o, "l");
  EXPECT_EQ(spec.layers[0].bits, 4);
  EXPECT_EQ(spec.layers.back().bits, 6);
}

TEST(Calibration, RefusesNumbersThatAreNone) {
  const nn::Graph g = graph("lenet5", {1, 12, 12});
  Calibration c(g);
  Tensor x = images(3, g.input);
  x.mutable_data<float>()[200] = NAN;
  EXPECT_NE(message_of<NumericError>([&] { c.add_extremes(x); }).find("image 1"), std::string::npos);
  EXPECT_THROW(Calibration(g).finish(), ArgumentError);
}

TEST(Calibration, ComesBackFromItsFileAndIsRefusedForAnotherNetwork) {
  const test::TemporaryDirectory folder;
  const nn::Graph g = graph("lenet5", {1, 12, 12}), other = graph("lenet5", {1, 16, 16});
  const Statistics s = statistics(g);
  const std::string path = folder.file("statistics.safetensors");
  write_statistics(path, s);
  const Statistics back = read_statistics(path, g);
  EXPECT_EQ(back.values, s.values);
  EXPECT_EQ(back.names, s.names);
  const std::string refusal = message_of<FormatError>([&] { read_statistics(path, other); });
  EXPECT_NE(refusal.find(path), std::string::npos) << refusal;
  EXPECT_NE(refusal.find("another"), std::string::npos) << refusal;
}

TEST(Calibration, AgreesWithStatisticsByHand) {
  const nn::Graph g = graph("lenet5", {1, 12, 12});
  const Statistics s = statistics(g);
  const ValueStatistics expected = statistics_of(images(8, g.input).to_vector<float>(), 8, Calibration::kBins);
  EXPECT_EQ(s.values[0].histogram, expected.histogram);
  EXPECT_NEAR(s.values[0].deviation, expected.deviation, 1e-9);
  EXPECT_NEAR(s.values[0].spread, expected.spread, 1e-9);
  EXPECT_NEAR(s.values[0].average_lowest, expected.average_lowest, 1e-9);
}

}  // namespace
}  // namespace pith::compress
