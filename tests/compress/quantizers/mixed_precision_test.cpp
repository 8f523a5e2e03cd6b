// Bits a layer under a budget: against trying every choice, and on a small network against its packed file.
#include "compress/quantizers/mixed_precision.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <random>

#include "nn/packed_network.h"
#include "tensor/error.h"
#include "tests/support/files.h"
#include "tests/support/proved_networks.h"

namespace pith::compress {
namespace {

/// Slow twin: every choice.
double least_cost(const std::vector<std::vector<WidthOption>>& layers, int64_t budget, size_t from = 0) {
  if (budget < 0) return std::numeric_limits<double>::infinity();
  if (from == layers.size()) return 0;
  double least = std::numeric_limits<double>::infinity();
  for (const WidthOption& o : layers[from])
    least = std::min(least, o.cost + least_cost(layers, budget - o.bytes, from + 1));
  return least;
}

TEST(MixedPrecision, ChoosesTheLeastCostOfAllChoicesThatFit) {
  std::mt19937 random(4);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::vector<WidthOption>> layers(1 + random() % 5);
    int64_t all = 0;
    for (std::vector<WidthOption>& options : layers)
      for (size_t i = 0, n = 1 + random() % 4; i < n; ++i) {
        options.push_back({static_cast<int>(i + 1), static_cast<int64_t>(random() % 50), (static_cast<double>(random() % 64) - 8) / 4});
        all += options.back().bytes;
      }
    const int64_t budget = static_cast<int64_t>(random() % static_cast<uint64_t>(all + 1));
    const std::vector<size_t> choice = cheapest_choice(layers, budget);
    const double least = least_cost(layers, budget);
    if (choice.empty()) {
      EXPECT_EQ(least, std::numeric_limits<double>::infinity());
      continue;
    }
    int64_t bytes = 0;
    double cost = 0;
    for (size_t i = 0; i < layers.size(); ++i)
      bytes += layers[i][choice[i]].bytes, cost += layers[i][choice[i]].cost;
    EXPECT_LE(bytes, budget);
    EXPECT_EQ(cost, least);  // quarters add exactly
  }
}

class MixedPrecisionOfLenet : public testing::Test {
 protected:
  void SetUp() override {
    const auto model = nn::make_model("lenet5", {.input = {1, 28, 28}, .seed = 5});
    nn::fold_batch_norm(*model);
    graph_ = nn::graph_of(*model, {1, 28, 28});
    Calibration c(graph_);
    c.add_extremes(test::waves(4, {1, 28, 28}));
    c.add_moments(test::waves(4, {1, 28, 28}));
    statistics_ = c.finish();
  }
  /// A cost that is known: 100 for every bit that the layer named lacks to 8, 1 for every other layer's.
  std::vector<LayerWidths> widths(const std::string& dear, const PostTrainingOptions& options) const {
    return measured_widths(graph_, statistics_, options, std::vector<int>{2, 4, 8}, [&](const nn::IntegerSpec& spec) {
      double cost = 0;
      for (const nn::IntegerLayer& layer : spec.layers)
        if (layer.shape.has_weights()) cost += (8 - layer.bits) * (layer.shape.name == dear ? 100 : 1);
      return cost;
    });
  }
  nn::Graph graph_;
  Statistics statistics_;
};

TEST_F(MixedPrecisionOfLenet, GivesTheDearLayerItsBitsAndKeepsTheFileBelowTheBudget) {
  const test::TemporaryDirectory folder;
  for (const int64_t bytes : {25'000, 30'000, 40'000}) {
    const PostTrainingOptions mixed =
        within_bytes(graph_, statistics_, {}, widths("fc2", {}), bytes, "lenet5");
    const nn::IntegerSpec spec = quantize_after_training(graph_, statistics_, mixed, "lenet5");
    nn::write_packed_network(folder.file("mixed.safetensors"), spec);
    const auto file = std::filesystem::file_size(folder.file("mixed.safetensors"));
    EXPECT_EQ(static_cast<int64_t>(file), nn::packed_bytes(spec));
    EXPECT_LE(static_cast<int64_t>(file), bytes);
    for (const nn::IntegerLayer& layer : spec.layers)
      EXPECT_TRUE(layer.shape.name != "fc2" || layer.bits == 8) << bytes;
  }
}

TEST_F(MixedPrecisionOfLenet, LeavesOverridesAloneAndRefusesABudgetBelowTheLeast) {
  const PostTrainingOptions fixed{.overrides = {{"fc1", 3, 0}, {"conv2", 0, 5}}};
  const std::vector<LayerWidths> layers = widths("fc2", fixed);
  EXPECT_EQ(layers.size(), 4u);
  const nn::IntegerSpec spec = quantize_after_training(
      graph_, statistics_, within_bytes(graph_, statistics_, fixed, layers, 30'000, "lenet5"), "lenet5");
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    EXPECT_TRUE(spec.layers[i].shape.name != "fc1" || spec.layers[i].bits == 3);
    EXPECT_TRUE(spec.layers[i].shape.name != "conv2" || spec.values[i + 1].bits == 5);
  }
  EXPECT_NE(test::message_of<ArgumentError>([&] { within_bytes(graph_, statistics_, {}, widths("", {}), 5000, "lenet5"); })
                .find("at least"),
            std::string::npos);
}

}  // namespace
}  // namespace pith::compress
