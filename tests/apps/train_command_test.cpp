// `pith train` and `pith eval` as a user meets them: files, output, refusals. Drawn digits, one second a run.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using test::Outcome;
using test::run_program;
using test::TemporaryDirectory;
using Arguments = std::vector<std::string>;

void expect_refusal(const Outcome& o, int code, const std::string& says) {
  EXPECT_EQ(o.code, code) << o.err;
  EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
  EXPECT_NE(o.err.find(says), std::string::npos) << o.err;
}

class TrainCommand : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  Outcome train(const Arguments& more = {}, const test::ProgramOptions& o = {}) const {
    return run_program(folder_, test::tiny_training(root_, path("run"), more), o);
  }
  Outcome eval(const Arguments& more) const {
    Arguments a = {"eval", "--model", "lenet5", "--data", "mnist", "--data-root", root_, "--quiet"};
    a.insert(a.end(), more.begin(), more.end());
    return run_program(folder_, a);
  }

  const TemporaryDirectory folder_;
  const std::string root_ = test::tiny_mnist(folder_);
};

TEST_F(TrainCommand, LeavesARunBehind) {
  const Outcome o = train();
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_NE(o.out.find("epoch 2/2"), std::string::npos) << o.out;
  EXPECT_NE(o.out.find("of 50 correct"), std::string::npos) << o.out;
  for (const char* name : {"run/config.json", "run/metrics.csv", "run/timing.csv", "run/log.txt", "run/result.json",
                           "run/checkpoints/last.safetensors", "run/checkpoints/best.safetensors"}) {
    EXPECT_TRUE(fs::exists(path(name))) << name;
  }
  const std::string metrics = test::read_text(path("run/metrics.csv"));
  EXPECT_EQ(metrics.find("epoch,train_loss,train_top1,valid_loss,valid_top1,valid_top5,rate\n1,"), 0u) << metrics;
  EXPECT_EQ(std::count(metrics.begin(), metrics.end(), '\n'), 3);
}

TEST_F(TrainCommand, PrintsOneJsonDocument) {
  const Outcome o = train({"--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  const auto json = nlohmann::json::parse(o.out);
  EXPECT_EQ(json.at("model"), "lenet5");
  EXPECT_EQ(json.at("epochs").size(), 2u);
  EXPECT_EQ(json.at("test").at("total"), 50);
  EXPECT_TRUE(json.at("epochs")[1].at("valid_loss").is_number());
}

TEST_F(TrainCommand, KeepsProgressOffStdout) {
  Arguments a = test::tiny_training(root_, path("run"), {"-p", "2"});
  a.erase(std::find(a.begin(), a.end(), "--quiet"));
  const Outcome o = run_program(folder_, a);
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(o.out.find("Overall Loss"), std::string::npos) << o.out;
  EXPECT_NE(o.err.find("Epoch: [0][    2/    6]    Overall Loss "), std::string::npos) << o.err;
  EXPECT_EQ(o.err.find('\r'), std::string::npos) << "a bar where there is no terminal";
}

TEST_F(TrainCommand, NeverChoosesByTheTestSet) {
  ASSERT_EQ(train({"--valid", "0"}).code, 0);
  EXPECT_EQ(test::read_text(path("run/metrics.csv")).find("epoch,train_loss,train_top1,test_loss"), 0u);
  EXPECT_EQ(nlohmann::json::parse(test::read_text(path("run/result.json"))).at("best_epoch"), 2);
}

TEST_F(TrainCommand, RefusesToOverwriteARun) {
  ASSERT_EQ(train().code, 0);
  const std::string before = test::read_text(path("run/metrics.csv"));
  expect_refusal(train(), 2, "--resume");
  EXPECT_EQ(test::read_text(path("run/metrics.csv")), before);
}

TEST_F(TrainCommand, RefusesARunInUse) {
  const test::Program first(folder_, test::tiny_training(root_, path("run"), {"--epochs", "200"}));
  for (int i = 0; i < 6000 && !fs::exists(path("run/checkpoints/last.safetensors")); ++i) ::usleep(10000);
  const TemporaryDirectory other;
  expect_refusal(run_program(other, {"train", "--resume", path("run"), "--quiet"}), 1, "another process");
  first.signal(SIGKILL);
  first.wait();
}

TEST_F(TrainCommand, SaysWhereNoRunIs) {
  expect_refusal(run_program(folder_, {"train", "--resume", path("nothing")}), 1, "no run is there");
  expect_refusal(run_program(folder_, {"eval", "--run", path("nothing")}), 1, "no run is there");
}

TEST_F(TrainCommand, KeepsTheSettingsOfAResumedRun) {
  ASSERT_EQ(train().code, 0);
  expect_refusal(run_program(folder_, {"train", "--resume", path("run"), "--lr", "0.1"}), 2, "--lr cannot change");
}

TEST_F(TrainCommand, StopsWhereTheLossIsNotFinite) {
  const Outcome o = train({"--lr", "1e30", "--momentum", "0", "--lr-policy", "constant"});
  expect_refusal(o, 4, "step");
  EXPECT_NE(o.err.find("epoch 1"), std::string::npos) << o.err;
}

TEST_F(TrainCommand, NamesOperatorAndLayerInAnomalyMode) {
  const Outcome o = train({"--lr", "1e30", "--momentum", "0", "--lr-policy", "constant", "--anomaly"});
  expect_refusal(o, 4, "step");
  EXPECT_TRUE(o.err.find("conv") != std::string::npos || o.err.find("fc") != std::string::npos) << o.err;
}

TEST_F(TrainCommand, KeepsTheLastCheckpointWhenTheDiskIsFull) {
  ASSERT_EQ(train({"--epochs", "1", "--lr-policy", "constant"}).code, 0);
  const auto before = test::read_bytes(path("run/checkpoints/last.safetensors"));
  std::string config = test::read_text(path("run/config.json"));
  config.replace(config.find("\"epochs\": 1"), 11, "\"epochs\": 2");
  test::write_text(path("run/config.json"), config);

  const test::ProgramOptions full{.file_limit = 20000, .environment = {}};
  const Outcome o = run_program(folder_, {"train", "--resume", path("run"), "--quiet"}, full);
  expect_refusal(o, 1, ".safetensors");
  EXPECT_EQ(test::read_bytes(path("run/checkpoints/last.safetensors")), before);
  EXPECT_EQ(run_program(folder_, {"train", "--resume", path("run"), "--quiet"}).code, 0);
}

TEST_F(TrainCommand, RefusesATruncatedImagesFile) {
  const std::string images = root_ + "/mnist/train-images-idx3-ubyte";
  fs::resize_file(images, 5000);
  expect_refusal(train(), 3, "train-images");
}

TEST_F(TrainCommand, RefusesAWrongMagic) {
  test::write_text(root_ + "/mnist/train-labels-idx1-ubyte", std::string("\0\0\x0d\x01\0\0\0\xc8", 8));
  expect_refusal(train(), 3, "train-labels");
}

TEST_F(TrainCommand, SaysWhatIsMissing) {
  expect_refusal(run_program(folder_, {"train", "--model", "lenet5", "--data", "mnist", "--data-root", path("none"),
                                       "--out", path("run"), "--quiet"}),
                 1, "data get mnist");
}

TEST_F(TrainCommand, EvaluatesWhatItTrained) {
  ASSERT_EQ(train().code, 0);
  const Outcome by_run = run_program(folder_, {"eval", "--run", path("run"), "--quiet", "--json"});
  ASSERT_EQ(by_run.code, 0) << by_run.err;
  const auto result = nlohmann::json::parse(test::read_text(path("run/result.json")));
  EXPECT_EQ(nlohmann::json::parse(by_run.out).at("correct"), result.at("test").at("correct"));

  const Outcome by_file = eval({"--weights", path("run/checkpoints/best.safetensors"), "--json"});
  ASSERT_EQ(by_file.code, 0) << by_file.err;
  EXPECT_EQ(nlohmann::json::parse(by_file.out).at("loss"), nlohmann::json::parse(by_run.out).at("loss"));
}

TEST_F(TrainCommand, WritesLogits) {
  ASSERT_EQ(train().code, 0);
  for (const char* name : {"logits.npz", "logits.safetensors"}) {
    ASSERT_EQ(eval({"--weights", path("run/checkpoints/best.safetensors"), "--logits", path(name)}).code, 0);
    EXPECT_GT(fs::file_size(path(name)), 50u * 10u * 4u);
  }
  expect_refusal(eval({"--weights", path("run/checkpoints/best.safetensors"), "--logits", path("logits.txt")}), 2,
                 ".npz");
}

TEST_F(TrainCommand, RefusesWeightsOfAnotherModel) {
  ASSERT_EQ(train().code, 0);
  const std::string weights = path("run/checkpoints/best.safetensors");
  const Outcome o = run_program(
      folder_, {"eval", "--model", "simplenet-mnist", "--weights", weights, "--data", "mnist", "--data-root", root_});
  expect_refusal(o, 3, "best.safetensors");
}

TEST_F(TrainCommand, RefusesTruncatedWeights) {
  ASSERT_EQ(train().code, 0);
  const std::string weights = path("run/checkpoints/best.safetensors");
  fs::resize_file(weights, fs::file_size(weights) - 1);
  expect_refusal(eval({"--weights", weights}), 3, "best.safetensors");
  fs::resize_file(weights, 4);
  expect_refusal(eval({"--weights", weights}), 3, "best.safetensors");
}

TEST_F(TrainCommand, RefusesATruncatedCheckpoint) {
  ASSERT_EQ(train().code, 0);
  const std::string last = path("run/checkpoints/last.safetensors");
  fs::resize_file(last, fs::file_size(last) / 2);
  expect_refusal(run_program(folder_, {"train", "--resume", path("run"), "--quiet"}), 3, "last.safetensors");
}

TEST_F(TrainCommand, SaysWhichWeightsAreMissing) {
  expect_refusal(eval({"--weights", path("none.safetensors")}), 1, "none.safetensors");
}

}  // namespace
}  // namespace pith
