// The golden vectors that were recorded by running the model on the published ResNet-20: thresholds, masks, rankings,
// schedules and penalties. What we do otherwise on purpose stands in compress/README.md, and in the last test here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "compress/levels.h"
#include "compress/pruners/magnitude.h"
#include "compress/pruners/ranked_norm.h"
#include "compress/pruners/sensitivity.h"
#include "compress/pruners/splicing.h"
#include "compress/pruners/structure_threshold.h"
#include "compress/regularizers/elementwise.h"
#include "compress/regularizers/group_lasso.h"
#include "tensor/weights_file.h"
#include "tests/support/files.h"

namespace pith::compress {
namespace {

using Json = nlohmann::json;

class Golden : public testing::Test {
 protected:
  void SetUp() override {
    const std::string path = test::reference_file("pruning_reference.json");
    const std::string weights = test::real_data("checkpoints/checkpoint_trained_dense.safetensors");
    if (path.empty() || weights.empty())
      GTEST_SKIP() << "PITH_REFERENCE names no folder with pruning_reference.json, or PITH_DATA none with "
                      "checkpoints/checkpoint_trained_dense.safetensors";
    golden_ = Json::parse(std::ifstream(path));
    weights_ = read_weights(weights);
  }

  Tensor weight(const std::string& name) const { return weights_.find(name)->tensor(); }

  /// Filters or channels that are kept, by number.
  static std::vector<int64_t> kept(const Mask& mask, const Groups& groups) {
    std::vector<int64_t> out;
    for (int64_t i = 0; i < groups.shape().numel(); ++i)
      if (mask.keeps(i)) out.push_back(groups.of(i));
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  void expect_ranking(const char* table, GroupType type, Norm norm) const {
    for (const auto& [name, golden] : golden_.at(table).items()) {
      const Tensor w = weight(name);
      const Groups groups(w.shape(), type);
      const std::vector<double> norms = group_norms(w, groups, norm);
      ASSERT_EQ(norms.size(), golden.at("magnitudes").size());
      for (size_t i = 0; i < norms.size(); ++i)
        EXPECT_NEAR(norms[i], golden.at("magnitudes").at(i).get<double>(), 1e-6) << table << " " << name << " " << i;
      const Mask mask = prune_ranked_by_norm(w, groups, norm, golden.at("level").get<double>());
      EXPECT_EQ(kept(mask, groups), golden.at("kept").get<std::vector<int64_t>>()) << table << " " << name;
    }
  }

  Json golden_;
  Container weights_;
};

/// "a b=1 c=2" -> the number behind "b=".
double setting(const std::string& text, const std::string& key) {
  return std::stod(text.substr(text.find(key + "=") + key.size() + 1));
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == '|')
      parts.emplace_back();
    else
      parts.back().push_back(c);
  }
  return parts;
}

GroupType group_type(const std::string& name) {
  if (name == "2D") return GroupType::kernel;
  if (name == "3D" || name == "Filters") return GroupType::filter;
  if (name == "Channels") return GroupType::channel;
  if (name == "Rows") return GroupType::row;
  if (name == "Cols") return GroupType::column;
  if (name == "4D") return GroupType::layer;
  throw std::invalid_argument(name);
}

TEST_F(Golden, GradualLevelsOfEveryEpoch) {
  for (const auto& [settings, levels] : golden_.at("agp").items()) {
    const Period period{static_cast<int64_t>(setting(settings, "start")),
                        static_cast<int64_t>(setting(settings, "end")),
                        static_cast<int64_t>(setting(settings, "freq"))};
    for (const Json& point : levels) {
      EXPECT_TRUE(period.acts(point.at(0).get<int64_t>())) << settings << point;
      EXPECT_NEAR(agp_level(setting(settings, "init"), setting(settings, "final"), period, point.at(0).get<double>()),
                  point.at(1).get<double>(), 1e-12)
          << settings << point;
    }
    EXPECT_EQ(levels.back().at(0), period.last()) << settings;
  }
}

TEST_F(Golden, RampedThresholdsOfEveryEpoch) {
  int found = 0;
  for (const auto& [key, thresholds] : golden_.items()) {
    if (!key.starts_with("baidu_rnn")) continue;
    const int64_t start = static_cast<int64_t>(setting(key, "start"));
    const RampedThreshold t{setting(key, "q"),
                            static_cast<int64_t>(setting(key, "offset")),
                            setting(key, "mult"),
                            {start, static_cast<int64_t>(setting(key, "end")), 1}};
    for (const Json& point : thresholds) {
      EXPECT_NEAR(threshold_at(t, point.at(0).get<int64_t>()), point.at(1).get<double>(), 1e-12) << key << point;
      ++found;
    }
  }
  EXPECT_EQ(found, 20);
}

TEST_F(Golden, LevelsPruneTheSameNumberAtTheSameThreshold) {
  for (const auto& [name, levels] : golden_.at("level").items())
    for (const auto& [level, golden] : levels.items()) {
      const Tensor w = weight(name);
      const double s = std::stod(level);
      EXPECT_EQ(pruned_count(w.numel(), s), golden.at("k").get<int64_t>()) << name << level;
      EXPECT_EQ(level_threshold(w, s), golden.at("threshold").get<double>()) << name << level;
      const Mask mask = prune_to_level(w, s);
      EXPECT_EQ(mask.kept(), golden.at("nnz").get<int64_t>()) << name << level;
      EXPECT_EQ(mask, prune_below(w, golden.at("threshold").get<double>())) << name << level;
    }
}

TEST_F(Golden, SensitivitiesGiveTheSameThresholdsAndCounts) {
  for (const auto& [name, rows] : golden_.at("sensitivity").items())
    for (const auto& [s, golden] : rows.items()) {
      const double threshold = sensitivity_threshold(weight(name), std::stod(s));
      EXPECT_NEAR(threshold, golden.at("threshold").get<double>(), 1e-7) << name << s;
      EXPECT_EQ(prune_below(weight(name), threshold).kept(), golden.at("nnz").get<int64_t>()) << name << s;
    }
}

TEST_F(Golden, ThresholdsKeepTheSameNumber) {
  for (const auto& [name, rows] : golden_.at("threshold").items())
    for (const auto& [threshold, kept] : rows.items())
      EXPECT_EQ(prune_below(weight(name), std::stod(threshold)).kept(), kept.get<int64_t>()) << name << threshold;
}

TEST_F(Golden, SplicingGivesTheSameBandAndCounts) {
  for (const auto& [name, golden] : golden_.at("splicing").items()) {
    const Tensor w = weight(name);
    const SplicingBand band = splicing_band(w, golden.at("sensitivity").get<double>(), golden.at("low").get<double>(),
                                            golden.at("hi").get<double>());
    EXPECT_NEAR(band.low, golden.at("low_threshold").get<double>(), 1e-7) << name;
    EXPECT_NEAR(band.high, golden.at("hi_threshold").get<double>(), 1e-7) << name;
    const Mask ones(w.shape()), zeros = Mask::from(Tensor::zeros(w.shape()));
    EXPECT_EQ(splice(w, ones, band).kept(), golden.at("nnz_from_all_ones").get<int64_t>()) << name;
    EXPECT_EQ(splice(w, zeros, band).kept(), golden.at("nnz_from_all_zeros").get<int64_t>()) << name;
  }
}

TEST_F(Golden, FiltersAndChannelsRankTheSame) {
  expect_ranking("filter_rank_l1", GroupType::filter, Norm::mean_l1);
  expect_ranking("filter_rank_l2", GroupType::filter, Norm::mean_l2);
  expect_ranking("channel_rank_l1", GroupType::channel, Norm::mean_l1);
}

/// The model ranks [2, 4, 1, 1] as [1, 8, 1, 1]: its view runs over consecutive kernels, not over two filters.
Groups model_blocks(const Shape& shape, int64_t repetitions, int64_t depth) {
  return depth > 1 ? Groups::blocks(shape, 1, repetitions * depth) : Groups::blocks(shape, repetitions, 1);
}

TEST_F(Golden, BlocksRankTheSame) {
  for (const auto& [block, golden] : golden_.at("blocks_l1").items()) {
    const Json shape = Json::parse(block);
    const Tensor w = weight(golden.at("param"));
    const Groups blocks = model_blocks(w.shape(), shape.at(0).get<int64_t>(), shape.at(1).get<int64_t>());
    const Mask mask = prune_ranked_by_norm(w, blocks, Norm::mean_l1, golden.at("level").get<double>());
    EXPECT_EQ(mask.kept(), golden.at("nnz").get<int64_t>()) << block;
    std::vector<int64_t> first;
    for (int64_t i = 0; first.size() < golden.at("first_kept_flat_indices").size(); ++i)
      if (mask.keeps(i)) first.push_back(i);
    EXPECT_EQ(first, golden.at("first_kept_flat_indices").get<std::vector<int64_t>>()) << block;
  }
}

TEST_F(Golden, GroupsFallBelowTheSameThresholds) {
  const std::map<std::string, Norm> norms = {{"Mean_Abs", Norm::mean_l1},
                                             {"L1", Norm::l1},
                                             {"Mean_L2", Norm::mean_l2},
                                             {"L2", Norm::l2},
                                             {"Max", Norm::largest}};
  for (const auto& [key, golden] : golden_.at("group_threshold").items()) {
    const std::vector<std::string> part = split(key);
    const Tensor w = weight(part.at(0));
    const Groups groups(w.shape(), group_type(part.at(1)));
    EXPECT_EQ(groups.count(), golden.at("groups").get<int64_t>()) << key;
    const double threshold = std::stod(part.at(2));
    Mask mask = prune_groups_below(w, groups, norms.at(part.at(3)), threshold);
    if (part.at(0) == "fc.weight" && part.at(3).starts_with("Mean")) {
      // The model divides a row's norm by the number of rows, a column's by that of columns. What it then compares:
      const Norm sum = part.at(3) == "Mean_Abs" ? Norm::l1 : Norm::l2;
      mask = prune_groups_below(w, groups, sum, threshold * static_cast<double>(groups.count()));
    }
    EXPECT_EQ(static_cast<int64_t>(kept(mask, groups).size()), golden.at("kept").get<int64_t>()) << key;
  }
}

TEST_F(Golden, PenaltiesAreTheSame) {
  for (const auto& [key, golden] : golden_.at("regularizers").items()) {
    const std::vector<std::string> part = split(key);
    if (golden.is_string()) continue;  // Channels+4D: the model fails; the next test
    const Tensor w = weight(part.at(1));
    double value = 0;
    if (part.at(0) == "L1") {
      value = l1_penalty(w, 1).value;
    } else if (part.at(0) == "GroupVariance") {
      value = group_variance(w, Groups(w.shape(), group_type(part.at(2))), 1).value;
    } else if (part.at(2) == "Rows+Cols") {
      value = group_lasso(w, Groups(w.shape(), GroupType::row), 1).value +
              group_lasso(w, Groups(w.shape(), GroupType::column), 1).value;
    } else {
      const GroupType type = group_type(part.at(2));
      value = group_lasso(w, Groups(w.shape(), type), 1, group_lasso_floor(type)).value;
    }
    EXPECT_NEAR(value, golden.get<double>(), 2e-5 * std::abs(golden.get<double>())) << key;
  }
}

TEST_F(Golden, WhatTheModelCannotDoIsTheSumOfItsParts) {
  EXPECT_TRUE(golden_.at("regularizers").at("GroupLasso|Channels+4D").is_string());  // its AttributeError
  const Tensor w = weight("layer1.0.conv2.weight");
  const double both = group_lasso(w, Groups(w.shape(), GroupType::channel), 1, 1e-8).value +
                      group_lasso(w, Groups(w.shape(), GroupType::layer), 1).value;
  EXPECT_NEAR(both, 28.91463851928711 + 7.4499406814575195, 1e-3);
}

}  // namespace
}  // namespace pith::compress
