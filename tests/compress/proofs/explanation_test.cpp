// nn/explanation.h arrives at what the packed network computes, at random outputs of every layer.
#include "nn/explanation.h"

#include <gtest/gtest.h>

#include <random>

#include "compress/proofs/bounds.h"
#include "tensor/error.h"
#include "tests/support/proved_networks.h"

namespace pith::nn {
namespace {

OutputPlace random_place(const Shape& out, std::mt19937& random) {
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint32_t>(n)); };
  OutputPlace at{.k = below(out[0])};
  if (out.rank() == 3) at.y = below(out[1]), at.x = below(out[2]);
  return at;
}

/// `count` random outputs of each layer, and that no partial sum leaves the proved bounds.
void expect_explained(const IntegerSpec& spec, int count, const std::string& what) {
  const IntegerNetwork network(spec);
  std::vector<ops::QuantizedTensor> values;
  network.run(test::waves(1, spec.input, 3), [&](int64_t, const ops::QuantizedTensor& q) { values.push_back(q); });
  const auto bounds = compress::accumulator_bounds(spec);
  std::mt19937 random(7);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const Shape& out = spec.layers[i].shape.output;
    const std::vector<double> computed = values[i + 1].values.to_vector<double>();
    for (int n = 0; n < count; ++n) {
      const OutputPlace at = random_place(out, random);
      const Explanation e = explain(spec, values, i, at);
      const double found = e.is_last ? static_cast<double>(e.logit) : e.q;
      const size_t place = static_cast<size_t>(out.rank() == 3 ? (at.k * out[1] + at.y) * out[2] + at.x : at.k);
      EXPECT_EQ(found, computed[place]) << what << " " << spec.layers[i].shape.name << " " << at.k;
      for (const compress::AccumulatorBound& b : bounds) {
        if (b.index != static_cast<int64_t>(i)) continue;
        EXPECT_GE(e.sum, b.channels[static_cast<size_t>(at.k)].lowest);
        EXPECT_LE(e.sum, b.channels[static_cast<size_t>(at.k)].highest);
      }
    }
  }
}

TEST(Explanation, IsWhatTheNetworkComputes) {
  const std::vector<std::pair<const char*, Shape>> models{
      {"lenet5", {1, 28, 28}}, {"simplenet-v2-mnist", {1, 28, 28}}, {"resnet20-cifar", {3, 16, 16}}};
  for (const auto& [name, image] : models)
    for (const auto& [w, a, dynamic] :
         {std::tuple{8, 8, false}, {8, 8, true}, {4, 4, false}, {4, 4, true}, {2, 2, false}, {1, 1, false}})
      expect_explained(
          test::quantized_network(name, image, {.bits_weights = w, .bits_activations = a, .is_dynamic = dynamic}), 40,
          std::string(name) + " W" + std::to_string(w) + (dynamic ? " dynamic" : ""));
}

TEST(Explanation, AddsUpByHand) {
  // x = {5, 1} less zero point 2, w = {3, -2}, bias 7: 7, 7 + 9 = 16, 16 + 2 = 18; m = 0.5 * 0.25 / 1: 2.25 -> 2 + 1.
  IntegerSpec spec{
      .model = "m", .input = {2, 1, 1}, .values = {{0.5f, 2, 8}, {0.5f, 2, 8}, {1, 1, 4}, {}}, .layers = {}};
  IntegerLayer flat, hidden, last;
  flat.shape = {.kind = LayerKind::flatten, .name = "flat", .input = 0, .output = {2}};
  hidden.shape = {.kind = LayerKind::linear, .name = "hidden", .input = 1, .output = {1}};
  hidden.weights = Tensor::from(std::vector<int8_t>{3, -2}, {1, 2});
  hidden.weight_scale = {0.25f};
  hidden.bias = Tensor::from(std::vector<int32_t>{7}, {1});
  last.shape = {.kind = LayerKind::linear, .name = "last", .input = 2, .output = {1}};
  last.weights = Tensor::from(std::vector<int8_t>{1}, {1, 1});
  last.weight_scale = {1};
  last.bias = Tensor::from(std::vector<int32_t>{0}, {1});
  spec.layers = {flat, hidden, last};
  std::vector<ops::QuantizedTensor> values;
  const Tensor x = Tensor::from(std::vector<float>{1.5f, -0.5f}, {1, 2, 1, 1});
  IntegerNetwork(spec).run(x, [&](int64_t, const ops::QuantizedTensor& q) { values.push_back(q); });
  const Explanation e = explain(spec, values, 1, {});
  ASSERT_EQ(e.terms.size(), 2u);
  EXPECT_EQ(e.bias, 7);
  EXPECT_EQ(e.terms[0].product, 9);
  EXPECT_EQ(e.terms[0].sum, 16);
  EXPECT_EQ(e.terms[1].product, 2);
  EXPECT_EQ(e.sum, 18);
  EXPECT_EQ(e.bits_used, 6);
  EXPECT_EQ(e.scaled, 2.25f);
  EXPECT_EQ(e.q, 3);
  EXPECT_EQ(e.value, 2.0);
  EXPECT_THROW(explain(spec, values, 1, {.k = 1}), ArgumentError);
  EXPECT_THROW(layer_named(spec, "conv9"), ArgumentError);
}

}  // namespace
}  // namespace pith::nn
