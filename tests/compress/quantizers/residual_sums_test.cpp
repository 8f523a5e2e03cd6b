// Residual sums in more bits than what is multiplied: where the new layers stand, by hand; the slow twin's integers on
// every instruction set; the same integers in training, before and after steps, in a packed file and back.
#include "compress/quantizers/residual_sums.h"

#include <gtest/gtest.h>

#include "autograd/ops/softmax_loss.h"
#include "compress/proofs/bounds.h"
#include "compress/quantizers/post_training.h"
#include "nn/explanation.h"
#include "nn/fold.h"
#include "nn/models.h"
#include "nn/optim/optimizer.h"
#include "nn/packed_network.h"
#include "nn/quantized_training.h"
#include "tensor/error.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/integer_comparison.h"
#include "tests/support/tables.h"

namespace pith::compress {
namespace {

const Shape kImage{3, 8, 8};

nn::Graph resnet() {
  const auto model = nn::make_model("resnet20-cifar", {.input = kImage, .seed = 5});
  nn::fold_batch_norm(*model);
  return nn::graph_of(*model, kImage);
}

Tensor images(int64_t n) { return test::wave({n, 3, 8, 8}, 1, DType::f32); }

Statistics statistics(const nn::Graph& g) {
  Calibration c(g);
  c.add_extremes(images(8));
  c.add_moments(images(8));
  return c.finish();
}

nn::IntegerSpec spec_of(int bits, int bits_residual, QuantMode mode = QuantMode::asymmetric_unsigned) {
  const nn::Graph plain = resnet(), graph = with_requantized_sums(plain);
  return quantize_after_training(
      graph, with_requantized_sums(statistics(plain), graph),
      {.bits_weights = bits, .bits_activations = bits, .mode = mode, .bits_residual = bits_residual}, "resnet20-cifar");
}

/// Weights and products of `bits`, sums and shortcuts of 8.
nn::IntegerSpec wide_spec(int bits) {
  const nn::Graph plain = resnet(), graph = with_requantized_sums(plain, WideReaders::sums_and_shortcuts);
  return quantize_after_training(
      graph, with_requantized_sums(statistics(plain), graph),
      {.bits_weights = bits, .bits_activations = bits, .bits_residual = 8, .bits_shortcuts = 8}, "resnet20-cifar");
}

const nn::GraphLayer& layer(const nn::Graph& g, const std::string& name) {
  for (const nn::GraphLayer& l : g.layers)
    if (l.name == name) return l;
  throw Error("no layer " + name);
}

TEST(ResidualSums, StandBeforeEveryProductThatReadsThem) {
  const nn::Graph plain = resnet(), graph = with_requantized_sums(plain);
  // 9 blocks read a sum each (the first one what conv1 gives, which it also adds); the last block's goes to the
  // pooling.
  EXPECT_EQ(graph.layers.size(), plain.layers.size() + 9);
  const auto name = [&](int64_t value) { return graph.value_name(value); };
  EXPECT_EQ(name(layer(graph, "layer1.0.conv1").input), "conv1.requantized");
  EXPECT_EQ(name(layer(graph, "layer1.0.conv2").residual), "conv1");
  EXPECT_EQ(name(layer(graph, "layer1.0.conv2").input), "layer1.0.conv1");
  EXPECT_EQ(name(layer(graph, "layer2.0.downsample.0").input), "layer1.2.conv2.requantized");
  EXPECT_EQ(name(layer(graph, "layer2.0.conv1").input), "layer1.2.conv2.requantized");
  EXPECT_EQ(name(layer(graph, "layer2.0.conv2").residual), "layer2.0.downsample.0");
  EXPECT_EQ(name(layer(graph, "layer2.1.conv2").residual), "layer2.0.conv2");
  for (const nn::GraphLayer& l : graph.layers)
    if (l.kind == nn::LayerKind::mean_pool) {
      EXPECT_EQ(name(l.input), "layer3.2.conv2");
    }
}

TEST(ResidualSums, AreReadUnroundedByWideShortcuts) {
  const nn::Graph plain = resnet(), graph = with_requantized_sums(plain, WideReaders::sums_and_shortcuts);
  EXPECT_EQ(graph.layers.size(), plain.layers.size() + 9);
  EXPECT_EQ(graph.value_name(layer(graph, "layer2.0.downsample.0").input), "layer1.2.conv2");
  EXPECT_EQ(graph.value_name(layer(graph, "layer2.0.conv1").input), "layer1.2.conv2.requantized");
  const nn::IntegerSpec spec = wide_spec(1);
  for (const nn::IntegerLayer& l : spec.layers) {
    if (!l.shape.has_weights()) continue;
    const std::string& name = l.shape.name;
    const bool is_shortcut = name.ends_with("downsample.0"), is_end = name == "conv1" || name == "fc";
    EXPECT_EQ(l.bits, is_shortcut || is_end ? 8 : 1) << name;
    EXPECT_EQ(spec.values[static_cast<size_t>(l.shape.input)].bits, is_shortcut || is_end ? 8 : 1) << name;
  }
}

TEST(ResidualSums, ChangeNothingInRealNumbers) {
  const nn::Graph plain = resnet();
  EXPECT_EQ(run_graph(plain, images(3)).to_vector<float>(),
            run_graph(with_requantized_sums(plain), images(3)).to_vector<float>());
}

TEST(ResidualSums, HaveTheirBitsAndProductsTheirs) {
  const nn::IntegerSpec spec = spec_of(2, 7);
  for (size_t i = 0; i + 1 < spec.layers.size(); ++i) {
    const nn::GraphLayer& g = spec.layers[i].shape;
    const bool sums = g.residual >= 0 || g.name == "conv1" || g.name.ends_with("downsample.0");
    const bool is_end = g.kind == nn::LayerKind::mean_pool || g.kind == nn::LayerKind::flatten;
    EXPECT_EQ(spec.values[i + 1].bits, is_end ? 8 : sums ? 7 : 2) << g.name;
    if (g.kind == nn::LayerKind::conv && g.name != "conv1") {
      EXPECT_EQ(spec.values[static_cast<size_t>(g.input)].bits, 2) << g.name;
    }
  }
}

TEST(ResidualSums, GiveTheTwinsIntegersInEveryLayer) {
  for (const auto& [bits, residual] : {std::pair{2, 8}, {4, 8}, {1, 6}, {4, 2}})
    for (const QuantMode mode : {QuantMode::asymmetric_unsigned, QuantMode::symmetric}) {
      const nn::IntegerSpec spec = spec_of(bits, residual, mode);
      for (const KernelTable* const table : test::tables())
        for (const int64_t n : {1, 17}) test::expect_twin(spec, images(n), *table, std::to_string(bits));
    }
  for (const int bits : {1, 4})
    for (const KernelTable* const table : test::tables())
      for (const int64_t n : {1, 17}) test::expect_twin(wide_spec(bits), images(n), *table, std::to_string(bits));
}

TEST(ResidualSums, AreTheSameIntegersInTraining) {
  for (const auto& [bits, start] :
       {std::pair{4, spec_of(4, 8)}, {2, spec_of(2, 8)}, {1, spec_of(1, 8)}, {1, wide_spec(1)}}) {
    nn::QuantizedTraining training(start);
    int64_t seen = 0;
    EXPECT_EQ(test::differing(training, training.spec(), images(5), kernels(), seen), 0);
    const nn::IntegerSpec before = training.spec();
    const auto optimizer = nn::make_adam(training, {});
    const Tensor labels = Tensor::from(std::vector<int32_t>{1, 3, 5, 7}, {4});
    for (int i = 0; i < 3; ++i) {
      training.clear_gradients();
      softmax_cross_entropy(training.run(Variable(images(4))), labels).backward();
      optimizer->step(0.001);
    }
    const nn::IntegerSpec after = training.spec();
    EXPECT_EQ(test::differing(training, after, images(5), kernels(), seen), 0) << bits;
    EXPECT_GT(seen, 10 * 10'000);
    // Every step learns (those of one bit may starve), and none by more than three times the rate.
    for (size_t i = 1; i + 2 < after.values.size(); ++i) {
      const double change = after.values[i].scale / before.values[i].scale - 1;
      if (bits > 1) {
        EXPECT_NE(change, 0) << after.layers[i - 1].shape.name;
      }
      EXPECT_LT(std::abs(change), 0.0035) << after.layers[i - 1].shape.name;
    }
  }
}

TEST(ResidualSums, ComeBackFromAPackedFile) {
  const test::TemporaryDirectory folder;
  const nn::IntegerSpec spec = spec_of(2, 8);
  nn::write_packed_network(folder.file("p.safetensors"), spec);
  const nn::IntegerSpec back = nn::read_packed_network(folder.file("p.safetensors"));
  EXPECT_EQ(back.values, spec.values);
  EXPECT_EQ(nn::IntegerNetwork(back).run(images(3)).to_vector<float>(),
            nn::IntegerNetwork(spec).run(images(3)).to_vector<float>());
  EXPECT_EQ(accumulator_bounds(spec).size(), 21u + 2u);  // convolutions, pooling and the last layer: no bound is new
}

TEST(ResidualSums, AreExplained) {
  const nn::IntegerSpec spec = spec_of(2, 8);
  std::vector<ops::QuantizedTensor> values;
  nn::IntegerNetwork(spec).run(images(1), [&](int64_t, const ops::QuantizedTensor& q) { values.push_back(q); });
  const size_t at = nn::layer_named(spec, "layer1.0.conv2.requantized");
  for (const int64_t x : {0, 3, 7}) {
    const nn::Explanation e = nn::explain(spec, values, at, {.y = 1, .x = x, .k = 2});
    ASSERT_EQ(e.terms.size(), 1u);
    EXPECT_EQ(e.sum, e.terms[0].q - e.input.zero_point);
    EXPECT_EQ(e.q, values[at + 1].values.to_vector<uint8_t>()[static_cast<size_t>((2 * 8 + 1) * 8 + x)]);
  }
}

TEST(ResidualSums, WantRangesThatAreKnown) {
  nn::IntegerSpec spec = spec_of(2, 8);
  spec.is_dynamic = true;
  EXPECT_NE(test::message_of<ArgumentError>([&] { nn::IntegerNetwork{spec}; }).find("known before a batch"),
            std::string::npos);
  const nn::Graph plain = resnet();
  EXPECT_THROW(quantize_after_training(plain, statistics(plain), {.bits_residual = 9}, "r"), ArgumentError);
}

}  // namespace
}  // namespace pith::compress
