// `pith train --compress` as a user meets it: masks that are there, tables and columns that say so, refusals.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tensor/container.h"
#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using test::Outcome;
using test::run_program;
using Arguments = std::vector<std::string>;

constexpr const char* kGradual = R"(version: 1
pruners:
  fine: {class: AutomatedGradualPruner, initial_sparsity: 0.1, final_sparsity: 0.75, weights: ['fc*.weight']}
policies:
  - pruner: {instance_name: fine}
    starting_epoch: 0
    ending_epoch: 2
    frequency: 1
)";

/// Zeros of a weight in a checkpoint, counted from the file's bytes.
int64_t zeros_in(const std::string& file, const std::string& name) {
  const Container c = read_container(file);
  const std::vector<float> values = c.find(name)->tensor().to_vector<float>();
  return std::count(values.begin(), values.end(), 0.0F);
}

class CompressCommand : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  Outcome train(const std::string& schedule, const Arguments& more = {}) const {
    test::write_text(path("schedule.yaml"), schedule);
    Arguments all = {"--compress", path("schedule.yaml"), "--epochs", "4"};
    all.insert(all.end(), more.begin(), more.end());
    return run_program(folder_, test::tiny_training(root_, path("run"), all));
  }
  std::vector<std::vector<std::string>> metrics() const {
    std::vector<std::vector<std::string>> rows;
    std::istringstream file(test::read_text(path("run/metrics.csv")));
    for (std::string line; std::getline(file, line);) {
      rows.emplace_back();
      std::istringstream cells(line);
      for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(cell);
    }
    return rows;
  }
  void expect_refusal(const Outcome& o, int code, const std::string& says) const {
    EXPECT_EQ(o.code, code) << o.err;
    EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
    EXPECT_NE(o.err.find(says), std::string::npos) << o.err;
  }

  const test::TemporaryDirectory folder_;
  const std::string root_ = test::tiny_mnist(folder_);
};

// LeNet-5: fc1 [120, 400], fc2 [84, 120], fc3 [10, 84].
TEST_F(CompressCommand, PrunesExactlyToItsLevelAndStaysThere) {
  const Outcome o = train(kGradual, {"--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  for (const char* file : {"run/checkpoints/last.safetensors", "run/checkpoints/best.safetensors"}) {
    EXPECT_EQ(zeros_in(path(file), "fc1.weight"), 36000) << file;
    EXPECT_EQ(zeros_in(path(file), "fc2.weight"), 7560) << file;
    EXPECT_EQ(zeros_in(path(file), "fc3.weight"), 630) << file;
    EXPECT_EQ(zeros_in(path(file), "conv1.weight"), 0) << file;
  }
  const auto compression = nlohmann::json::parse(o.out).at("compression");
  EXPECT_NEAR(compression.at("sparsity").get<double>(), 44190.0 / (48000 + 10080 + 840 + 150 + 2400), 1e-12);
  EXPECT_GT(nlohmann::json::parse(o.out).at("best_epoch"), 1);  // epoch 1 was not at the target sparsity
}

TEST_F(CompressCommand, WritesTheSparsityOfEveryEpoch) {
  ASSERT_EQ(train(kGradual).code, 0);
  const auto rows = metrics();
  ASSERT_EQ(rows.size(), 5u);
  const auto column = std::find(rows[0].begin(), rows[0].end(), "sparsity/fc1.weight") - rows[0].begin();
  ASSERT_EQ(rows[0].size(), 11u);
  EXPECT_EQ(rows[0][7], "sparsity");
  EXPECT_EQ(rows[1][static_cast<size_t>(column)], "0.1");
  for (size_t epoch = 2; epoch <= 4; ++epoch) EXPECT_EQ(rows[epoch][static_cast<size_t>(column)], "0.75");
  const std::string timing = test::read_text(path("run/timing.csv"));
  EXPECT_EQ(timing.find("epoch,steps,seconds,images_per_second,data,forward,backward,schedule,step\n1,6,"), 0u)
      << timing;
}

TEST_F(CompressCommand, ShowsATableOfMasksOnStderrAndInTheLog) {
  test::write_text(path("schedule.yaml"), kGradual);
  Arguments a = test::tiny_training(root_, path("run"), {"--compress", path("schedule.yaml"), "--epochs", "3"});
  a.erase(std::find(a.begin(), a.end(), "--quiet"));
  const Outcome o = run_program(folder_, a);
  ASSERT_EQ(o.code, 0) << o.err;
  for (const std::string& text : {o.err, test::read_text(path("run/log.txt"))}) {
    EXPECT_NE(text.find("fc1.weight"), std::string::npos) << text;
    EXPECT_NE(text.find("[120, 400]"), std::string::npos);
    EXPECT_NE(text.find("36000 of     48000 pruned   75.00 %"), std::string::npos) << text;
  }
  EXPECT_EQ(o.out.find("pruned"), std::string::npos) << o.out;
  EXPECT_NE(o.out.find("sparsity 71.8"), std::string::npos) << o.out;
}

TEST_F(CompressCommand, BeginsWithOtherWeights) {
  ASSERT_EQ(train(kGradual).code, 0);
  test::write_text(path("none.yaml"),
                   "pruners:\n  keep: {class: MagnitudeParameterPruner, thresholds: {fc3.weight: 0}}\n"
                   "policies:\n  - {pruner: {instance_name: keep}, epochs: [0]}\n");
  const Outcome o = run_program(folder_, test::tiny_training(root_, path("second"),
                                                             {"--compress", path("none.yaml"), "--epochs", "1",
                                                              "--weights", path("run/checkpoints/best.safetensors")}));
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(zeros_in(path("second/checkpoints/last.safetensors"), "fc1.weight"), 36000);  // their masks came along
}

TEST_F(CompressCommand, RefusesABadScheduleBeforeAnythingIsThere) {
  std::string bad = kGradual;
  bad.replace(bad.find("ending_epoch: 2"), 15, "ending_epoch: 0");
  expect_refusal(train(bad), 3, "schedule.yaml:7: ");
  EXPECT_FALSE(fs::exists(path("run")));
  bad = kGradual;
  bad.replace(bad.find("fc*.weight"), 10, "layer.weight");
  expect_refusal(train(bad), 3, "schedule.yaml:5: 'fine': no parameter of the model is called layer.weight");
  expect_refusal(train(kGradual, {"--epochs", "1"}), 3, "acts in epoch 1, but the run has the epochs 0 to 0");
  expect_refusal(train(kGradual, {"--compress", path("nowhere.yaml")}), 1, "nowhere.yaml");
  EXPECT_FALSE(fs::exists(path("run")));
}

TEST_F(CompressCommand, RefusesASecondLearningRate) {
  const std::string both =
      std::string(kGradual) +
      "  - {lr_scheduler: {instance_name: slow}, starting_epoch: 0, ending_epoch: 4, frequency: 1}\n"
      "lr_schedulers:\n  slow: {class: ExponentialLR, gamma: 0.5}\n";
  expect_refusal(train(both, {"--lr-policy", "constant"}), 2, "--lr-policy stands beside the schedule's own");
  ASSERT_EQ(train(both).code, 0);
  EXPECT_EQ(metrics()[2][6], "0.01");  // 0.02 x 0.5
}

TEST_F(CompressCommand, GoesOnUnderItsOwnScheduleOnly) {
  ASSERT_EQ(train(kGradual).code, 0);
  std::string other = kGradual;
  other.replace(other.find("0.75"), 4, "0.85");
  test::write_text(path("other.yaml"), other);
  expect_refusal(run_program(folder_, {"train", "--resume", path("run"), "--compress", path("other.yaml"), "--quiet"}),
                 3, "expected the schedule that " + path("run") + " began with");
  EXPECT_EQ(
      run_program(folder_, {"train", "--resume", path("run"), "--compress", path("schedule.yaml"), "--quiet"}).code, 0);
  // Neither by changing the run's settings.
  std::string config = test::read_text(path("run/config.json"));
  config.replace(config.find("0.75"), 4, "0.85");
  test::write_text(path("run/config.json"), config);
  expect_refusal(run_program(folder_, {"train", "--resume", path("run"), "--quiet"}), 3,
                 "was made under another schedule");
}

TEST_F(CompressCommand, PrunesTheLanguageModel) {
  std::string text;
  for (int i = 0; i < 400; ++i)
    text += "the word " + std::to_string(i % 7) + " stands before " + std::to_string(i % 5) + "\n";
  test::write_text(path("train.txt"), text);
  test::write_text(path("test.txt"), text.substr(0, 2000));
  std::string schedule = kGradual;
  schedule.replace(schedule.find("fc*.weight"), 10, "/.*weight_[ih]h_l[01]/");
  test::write_text(path("schedule.yaml"), schedule);
  const Outcome o = run_program(folder_, {"train",
                                          "--model",
                                          "lstm-lm",
                                          "--text",
                                          path("train.txt"),
                                          "--text-test",
                                          path("test.txt"),
                                          "--embed",
                                          "8",
                                          "--hidden",
                                          "8",
                                          "--bptt",
                                          "10",
                                          "--epochs",
                                          "3",
                                          "--batch-size",
                                          "8",
                                          "--quiet",
                                          "--out",
                                          path("run"),
                                          "--compress",
                                          path("schedule.yaml")});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(metrics()[0][6], "sparsity");
  EXPECT_EQ(metrics()[3].back(), "0.75");
  EXPECT_NE(o.out.find("sparsity"), std::string::npos) << o.out;
}

}  // namespace
}  // namespace pith
