// Bounds of sums: by hand, and attained to the unit by the kernels on every instruction set.
#include "compress/proofs/bounds.h"

#include <gtest/gtest.h>

#include "compress/proofs/adversary.h"
#include "tests/support/proved_networks.h"
#include "tests/support/tables.h"

namespace pith::compress {
namespace {

/// fc: y = w x + bias over `depth` inputs of these bits and zero point.
nn::IntegerSpec one_row(const std::vector<int8_t>& w, int32_t bias, const nn::ValueQuant& x) {
  const int64_t depth = std::ssize(w);
  nn::IntegerSpec spec{.model = "m", .input = {depth, 1, 1}, .values = {x, x, {}}, .layers = {}};
  nn::IntegerLayer flat, layer;
  flat.shape = {.kind = nn::LayerKind::flatten, .name = "f", .input = 0, .output = {depth}};
  layer.shape = {.kind = nn::LayerKind::linear, .name = "fc", .input = 1, .output = {1}};
  layer.weights = Tensor::from(w, {1, depth});
  layer.weight_scale = {1};
  layer.bias = Tensor::from(std::vector<int32_t>{bias}, {1});
  spec.layers = {flat, layer};
  return spec;
}

TEST(Bounds, AreThoseOfTheRealWeights) {
  // y = 3 x0 - 2 x1 + 5 with x in [0, 15] - 4: 3 * 11 + 2 * 4 + 5 and -3 * 4 - 2 * 11 + 5.
  const auto bounds = accumulator_bounds(one_row({3, -2}, 5, {1, 4, 4}));
  ASSERT_EQ(bounds.size(), 1u);
  EXPECT_EQ(bounds[0].highest, 46);
  EXPECT_EQ(bounds[0].lowest, -29);
  EXPECT_EQ(bounds[0].bits, 7);
  EXPECT_EQ(bounds[0].rule_bits, 4 + 8 + 1);
  EXPECT_EQ(bounds[0].accumulator, 16);
}

TEST(Bounds, ChooseTheNarrowestAccumulatorAndTheKernelFollows) {
  struct Case {
    int64_t depth;
    int bits, accumulator;
  };
  // 127 h depth: 1 product of 8 bits fits 16 (32,385), 2 do not; 65,000 of 8 bits fit 32, 70,000 do not; of 4 bits
  // they do, so what the input can hold decides.
  for (const Case& c : {Case{1, 8, 16}, {2, 8, 32}, {65'000, 8, 32}, {70'000, 8, 64}, {70'000, 4, 32}}) {
    const nn::IntegerSpec spec = one_row(std::vector<int8_t>(static_cast<size_t>(c.depth), 127), 0, {1, 0, c.bits});
    const AccumulatorBound b = accumulator_bounds(spec).front();
    EXPECT_EQ(b.highest, 127 * ((1 << c.bits) - 1) * c.depth);
    EXPECT_EQ(b.accumulator, c.accumulator) << c.depth;
    EXPECT_NE(b.reason.find(std::to_string(b.bits)), std::string::npos);
    EXPECT_EQ(nn::IntegerNetwork(spec).packed(1).parts.empty(), b.kernel == 32) << c.depth << " of " << c.bits;
  }
}

TEST(Bounds, CountBitsOfTwosComplement) {
  EXPECT_EQ(signed_bits(0, 0), 1);
  EXPECT_EQ(signed_bits(-1, 0), 1);
  EXPECT_EQ(signed_bits(0, 1), 2);
  EXPECT_EQ(signed_bits(-32768, 32767), 16);
  EXPECT_EQ(signed_bits(-32769, 0), 17);
  EXPECT_EQ(signed_bits(0, INT64_C(2147483647)), 32);
  EXPECT_EQ(signed_bits(0, INT64_C(2147483648)), 33);
}

TEST(Adversary, ReachesBothBoundsOfEveryChannelThroughEveryKernel) {
  const std::vector<std::pair<const char*, Shape>> models{
      {"lenet5", {1, 12, 12}}, {"resnet20-cifar", {3, 16, 16}}, {"simplenet-cifar", {3, 32, 32}}};
  for (const auto& [name, image] : models)
    for (const auto& [w, a, dynamic] :
         {std::tuple{8, 8, false}, {8, 8, true}, {4, 4, false}, {2, 8, false}, {1, 1, false}}) {
      const nn::IntegerSpec spec =
          test::quantized_network(name, image, {.bits_weights = w, .bits_activations = a, .is_dynamic = dynamic});
      const nn::IntegerNetwork network(spec);
      const auto bounds = accumulator_bounds(spec);
      for (const KernelTable* const table : test::tables()) {
        int64_t channels = 0, attained = 0;
        for (const Attainment& l : attain_bounds(network, bounds, *table))
          channels += l.channels, attained += l.attained;
        EXPECT_GE(attained * 100, channels * 99) << name << " W" << w << "A" << a << " " << table->isa;
      }
    }
}

TEST(Adversary, ReachesThemInGroups) {
  const nn::IntegerSpec spec = test::quantized_network("mobilenet-cifar", {3, 32, 32}, {});
  const auto bounds = accumulator_bounds(spec);
  const auto attained = attain_bounds(nn::IntegerNetwork(spec), bounds);
  for (size_t i = 0; i < bounds.size(); ++i) {
    const bool inner = has_inner_window(spec, static_cast<size_t>(bounds[i].index));
    EXPECT_EQ(attained[i].attained, inner ? attained[i].channels : 0) << bounds[i].layer;
  }
}

TEST(Adversary, ReachesThemWhereSumsNeed64Bits) {
  const nn::IntegerSpec spec = one_row(std::vector<int8_t>(70'000, 127), 3, {1, 0, 8});
  const nn::IntegerNetwork network(spec);
  for (const KernelTable* const table : test::tables())
    EXPECT_EQ(attain_bounds(network, accumulator_bounds(spec), *table).front().attained, 1);
}

TEST(Adversary, NoticesABoundThatIsOffByOne) {
  const nn::IntegerSpec spec = one_row({3, -2}, 5, {1, 4, 8});
  auto bounds = accumulator_bounds(spec);
  ++bounds[0].channels[0].highest;
  EXPECT_EQ(attain_bounds(nn::IntegerNetwork(spec), bounds).front().attained, 0);
}

}  // namespace
}  // namespace pith::compress
