// A network with exits from the command line: trained on a joint loss, evaluated with thresholds.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/training_options.h"
#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"

namespace pith {
namespace {

using Json = nlohmann::json;

/// A run of lenet5-earlyexit on a few drawn digits, in `folder`/run.
void train(const test::TemporaryDirectory& folder, const std::vector<std::string>& more = {}) {
  const std::string root = test::tiny_mnist(folder, 400, 60);
  std::vector<std::string> arguments = {"train",   "--model", "lenet5-earlyexit", "--data-root",  root, "--epochs", "3",
                                        "--quiet", "--out",   folder.file("run"), "--batch-size", "32"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const test::Outcome o = test::run_program(folder, arguments);
  ASSERT_EQ(o.code, 0) << o.err;
}

Json evaluated(const test::TemporaryDirectory& folder, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"eval", "--run", folder.file("run"), "--json", "--quiet"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const test::Outcome o = test::run_program(folder, arguments);
  EXPECT_EQ(o.code, 0) << o.err;
  return Json::parse(o.out);
}

TEST(EarlyExitCommand, CountsWhoLeavesWhereAndWhatItCosts) {
  const test::TemporaryDirectory folder;
  train(folder, {"--exit-loss-weights", "0.4"});
  const Json plain = evaluated(folder, {}), stay = evaluated(folder, {"--exit-thresholds", "0"});
  EXPECT_EQ(plain.count("exits"), 0u);
  for (const char* key : {"correct", "total", "loss", "confusion"}) EXPECT_EQ(stay.at(key), plain.at(key)) << key;
  EXPECT_EQ(stay.at("exits").at("rows")[0].at("images"), 0);
  EXPECT_TRUE(stay.at("exits").at("rows")[0].at("top1").is_null());
  EXPECT_EQ(stay.at("exits").at("total").at("macs"), 428280);

  const Json all = evaluated(folder, {"--exit-thresholds", "1000"});
  EXPECT_EQ(all.at("exits").at("rows")[0].at("images"), 60);
  EXPECT_EQ(all.at("exits").at("total").at("macs"), 129360);

  const Json some = evaluated(folder, {"--exit-thresholds", "1.2"});
  const Json& rows = some.at("exits").at("rows");
  const double left = rows[0].at("images").get<double>(), stayed = rows[1].at("images").get<double>();
  EXPECT_GT(left, 0);
  EXPECT_GT(stayed, 0);
  EXPECT_EQ(left + stayed, 60);
  const double right = (rows[0].at("top1").get<double>() * left + rows[1].at("top1").get<double>() * stayed) / 100;
  EXPECT_NEAR(right, some.at("correct").get<double>(), 1e-9);
  EXPECT_NEAR(some.at("exits").at("total").at("macs").get<double>(), (129360 * left + 428280 * stayed) / 60, 1e-6);
  // Of the same images, the same leave at any number of threads and in other batches.
  for (const std::vector<std::string>& other :
       std::vector<std::vector<std::string>>{{"--threads", "1"}, {"--threads", "3"}, {"--batch-size", "20"}}) {
    std::vector<std::string> arguments = {"--exit-thresholds", "1.2"};
    arguments.insert(arguments.end(), other.begin(), other.end());
    EXPECT_EQ(evaluated(folder, arguments).at("exits"), some.at("exits")) << other[0] << " " << other[1];
  }
}

TEST(EarlyExitCommand, TrainsWithAWeightForEveryExitUnlessToldOtherwise) {
  const test::TemporaryDirectory folder;
  train(folder);
  EXPECT_EQ(Json::parse(test::read_text(folder.file("run/config.json"))).at("exit_loss_weights"), Json({0.3}));
}

TEST(EarlyExitCommand, RefusesThresholdsAndWeightsThatDoNotFit) {
  const test::TemporaryDirectory folder;
  train(folder, {"--epochs", "1"});
  const std::string run = folder.file("run");
  for (const std::vector<std::string>& bad : std::vector<std::vector<std::string>>{
           {"eval", "--run", run, "--exit-thresholds", "0.1,0.2"},
           {"eval", "--run", run, "--exit-thresholds=-1"},
           {"eval", "--run", run, "--exit-thresholds", "nan"},
           {"eval", "--run", run, "--exit-thresholds", "sure"},
           {"eval", "--run", run, "--model", "lenet5", "--exit-thresholds", "0.1"},
           {"train", "--model", "lenet5", "--exit-loss-weights", "0.4"},
           {"train", "--model", "lenet5-earlyexit", "--exit-loss-weights", "1"},
           {"train", "--model", "lenet5-earlyexit", "--exit-loss-weights=-0.1"},
           {"train", "--model", "resnet20-cifar-earlyexit", "--exit-loss-weights", "0.4"},
           {"train", "--model", "lstm-lm", "--exit-loss-weights", "0.4"}}) {
    const test::Outcome o = test::run_program(folder, bad);
    EXPECT_EQ(o.code, 2) << bad.back() << " " << o.err;
    EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
  }
}

TEST(EarlyExitCommand, ReadsTheSettingsOfRunsFromBeforeThereWereExits) {
  apps::TrainingOptions options;
  options.model = "lenet5";
  Json old = Json::parse(apps::to_json(options));
  old.erase("exit_loss_weights");
  EXPECT_EQ(apps::training_options_from_json(old.dump(), "config.json").model, "lenet5");
}

}  // namespace
}  // namespace pith
