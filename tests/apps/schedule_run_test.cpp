// What a schedule says of the run besides compression: optimizer, data, distillation, stop conditions.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"

namespace pith {
namespace {

using nlohmann::json;
using test::Outcome;
using Arguments = std::vector<std::string>;

constexpr const char* kPruner = R"(pruners:
  fine: {class: AutomatedGradualPruner, initial_sparsity: 0.1, final_sparsity: 0.9, weights: [fc1.weight]}
policies:
  - {pruner: {instance_name: fine}, starting_epoch: 0, ending_epoch: 4, frequency: 1}
)";

class ScheduleRun : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  Outcome train(const std::string& run, const Arguments& more) const {
    return test::run_program(folder_, test::tiny_training(root_, path(run), more));
  }
  Outcome compressed(const std::string& run, const std::string& sections, const Arguments& more = {}) const {
    test::write_text(path("schedule.yaml"), sections + kPruner);
    Arguments all = {"--compress", path("schedule.yaml")};
    all.insert(all.end(), more.begin(), more.end());
    return train(run, all);
  }
  json config(const std::string& run) const { return json::parse(test::read_text(path(run + "/config.json"))); }
  /// The last column of metrics.csv, row by row.
  std::vector<std::string> last_column(const std::string& run) const {
    std::istringstream file(test::read_text(path(run + "/metrics.csv")));
    std::vector<std::string> out;
    for (std::string line; std::getline(file, line);) out.push_back(line.substr(line.rfind(',') + 1));
    out.erase(out.begin());
    return out;
  }

  const test::TemporaryDirectory folder_;
  const std::string root_ = test::tiny_mnist(folder_);
};

TEST_F(ScheduleRun, TakesItsSettingsWhereTheCommandSaysNothing) {
  const std::string sections =
      "optimizer: {class: AdamW, lr: 0.002, weight_decay: 0.01}\n"
      "data: {batch_size: 40, augment: none, validation: 0.2}\n"
      "stop: {epochs: 7}\n";
  test::write_text(path("schedule.yaml"), sections + kPruner);
  const Outcome o = test::run_program(
      folder_, {"train", "--model", "lenet5", "--data", "mnist", "--data-root", root_, "--quiet", "--out", path("run"),
                "--compress", path("schedule.yaml"), "--lr", "0.001", "--epochs", "5"});
  ASSERT_EQ(o.code, 0) << o.err;
  const json c = config("run");
  EXPECT_EQ(c.at("optimizer"), "adamw");
  EXPECT_EQ(c.at("weight_decay"), 0.01);
  EXPECT_EQ(c.at("batch_size"), 40);
  EXPECT_EQ(c.at("augment"), "none");
  EXPECT_EQ(c.at("validation"), 0.2);
  EXPECT_EQ(c.at("rate"), 0.001);  // the command line's
  EXPECT_EQ(c.at("epochs"), 5);
}

// The levels of the four epochs are 0.9 - 0.8 (1 - t)^3 at t = 0, 1/3, 2/3, 1: 0.1, 0.6629..., 0.8703..., 0.9.
TEST_F(ScheduleRun, StopsPruningAtASparsity) {
  ASSERT_EQ(compressed("run", "stop: {sparsity: 0.5}\n", {"--epochs", "5"}).code, 0);
  const double level = 31822.0 / 48000;  // floor(0.66296... x 48,000)
  const std::vector<std::string> sparsity = last_column("run");
  ASSERT_EQ(sparsity.size(), 5u);
  EXPECT_EQ(sparsity[0], "0.1");
  for (size_t epoch = 1; epoch < 5; ++epoch) EXPECT_NEAR(std::stod(sparsity[epoch]), level, 1e-8) << epoch;
}

// LeNet-5 has 416,520 multiply-adds, fc1 48,000 of them, one a weight.
TEST_F(ScheduleRun, StopsPruningAtAComputeBudget) {
  ASSERT_EQ(compressed("run", "stop: {macs: 0.91}\n", {"--epochs", "5"}).code, 0);
  // 0.91 needs 37,486.8 pruned: 0.6629 (31,822) is too little, 0.8703 (41,777) enough.
  EXPECT_NEAR(std::stod(last_column("run")[4]), 41777.0 / 48000, 1e-8);
}

TEST_F(ScheduleRun, GoesOnWithAStopToTheSameBits) {
  const Arguments more = {"--epochs", "5", "--checkpoint-steps", "1"};
  ASSERT_EQ(compressed("whole", "stop: {sparsity: 0.5}\n", more).code, 0);
  test::write_text(path("schedule.yaml"), std::string("stop: {sparsity: 0.5}\n") + kPruner);
  Arguments all = {"--compress", path("schedule.yaml")};
  all.insert(all.end(), more.begin(), more.end());
  const test::Program first(folder_, test::tiny_training(root_, path("cut"), all));
  for (int i = 0; i < 30000; ++i, ::usleep(500))
    if (std::filesystem::exists(path("cut/metrics.csv")) &&
        test::read_text(path("cut/metrics.csv")).find("\n2,") != std::string::npos)
      break;
  first.signal(SIGKILL);
  first.wait();
  ASSERT_EQ(test::run_program(folder_, {"train", "--resume", path("cut"), "--quiet"}).code, 0);
  EXPECT_EQ(test::read_text(path("cut/metrics.csv")), test::read_text(path("whole/metrics.csv")));
  EXPECT_EQ(test::read_bytes(path("cut/checkpoints/best.safetensors")),
            test::read_bytes(path("whole/checkpoints/best.safetensors")));
}

TEST_F(ScheduleRun, RefusesMistakesInTheSections) {
  const struct {
    const char *sections, *says;
  } mistakes[] = {
      {"stop: {}\n", ":1: stop names no condition"},
      {"stop: {sparsity: 1.5}\n", ":1: stop: sparsity must be a share"},
      {"stop: {macs: 3}\n", ":1: stop: macs must lie between 0 and 1"},
      {"optimizer: {class: Lion}\n", ":1: optimizer: class must be one of SGD, Adam, AdamW"},
      {"optimizer: {class: Adam, momentum: 0.9}\n", ":1: optimizer has no setting 'momentum'"},
      {"optimizer:\n  class: SGD\n  lr: 0\n", ":3: optimizer: lr must be above 0"},
      {"data: {batch: 3}\n", ":1: data has no setting 'batch'"},
      {"distillation: {temperature: 2}\n", ":1: distillation: teacher is missing"},
      {"distillation: {teacher: a, distill_weight: 0, student_weight: 0}\n", "are both 0"},
  };
  for (const auto& m : mistakes) {
    const Outcome o = compressed("never", m.sections);
    EXPECT_EQ(o.code, 3) << o.err;
    EXPECT_NE(o.err.find("schedule.yaml"), std::string::npos) << o.err;
    EXPECT_NE(o.err.find(m.says), std::string::npos) << o.err;
  }
}

TEST_F(ScheduleRun, LearnsFromATeacher) {
  ASSERT_EQ(train("teacher", {"--epochs", "6"}).code, 0);
  const std::string file = path("teacher/checkpoints/best.safetensors");
  ASSERT_EQ(train("plain", {}).code, 0);
  ASSERT_EQ(train("none", {"--teacher", file, "--distill-weights", "0,1"}).code, 0);
  ASSERT_EQ(train("taught", {"--teacher", file, "--distill-weights", "1,0", "--distill-temperature", "2"}).code, 0);
  EXPECT_EQ(test::read_text(path("none/metrics.csv")), test::read_text(path("plain/metrics.csv")));
  EXPECT_NE(test::read_text(path("taught/metrics.csv")), test::read_text(path("plain/metrics.csv")));
  EXPECT_EQ(config("taught").at("distill_temperature"), 2.0);
  EXPECT_EQ(config("taught").at("teacher_model"), "lenet5");
  // In the schedule too; and a run keeps the teacher that it began with.
  ASSERT_EQ(
      compressed("scheduled",
                 "distillation: {teacher: '" + file + "', temperature: 2, distill_weight: 0.7, student_weight: 0.3}\n",
                 {"--epochs", "4"})
          .code,
      0);
  EXPECT_EQ(config("scheduled").at("distill_weight"), 0.7);
  EXPECT_EQ(config("scheduled").at("student_weight"), 0.3);
  std::filesystem::copy_file(path("plain/checkpoints/best.safetensors"), file,
                             std::filesystem::copy_options::overwrite_existing);
  const Outcome o = test::run_program(folder_, {"train", "--resume", path("taught"), "--quiet"});
  EXPECT_EQ(o.code, 3);
  EXPECT_NE(o.err.find("expected the teacher that the run began with"), std::string::npos) << o.err;
}

TEST_F(ScheduleRun, LearnsFromAPackedTeacherWhichSaysItselfWhatItIs) {
  ASSERT_EQ(train("teacher", {"--epochs", "4"}).code, 0);
  ASSERT_EQ(
      test::run_program(folder_, {"quantize", "--run", path("teacher"), "--out", path("w8.safetensors"), "-q"}).code,
      0);
  ASSERT_EQ(train("plain", {}).code, 0);
  ASSERT_EQ(train("taught", {"--teacher", path("w8.safetensors"), "--distill-weights", "1,0"}).code, 0);
  EXPECT_NE(test::read_text(path("taught/metrics.csv")), test::read_text(path("plain/metrics.csv")));
  EXPECT_EQ(config("taught").at("teacher_model"), "lenet5");
  const Outcome o = train("other", {"--teacher", path("w8.safetensors"), "--teacher-model", "simplenet-mnist"});
  EXPECT_EQ(o.code, 3);
  EXPECT_NE(o.err.find("expected a packed simplenet-mnist, found one of lenet5"), std::string::npos) << o.err;
}

TEST_F(ScheduleRun, BringsAStudentToItsTeachersAnswers) {
  test::tiny_mnist(folder_, 1000, 100);
  ASSERT_EQ(train("teacher", {"--epochs", "6", "--lr", "0.05"}).code, 0);
  const std::string file = path("teacher/checkpoints/best.safetensors");
  ASSERT_EQ(train("student", {"--teacher", file, "--distill-weights", "1,0", "--epochs", "6", "--lr", "0.05"}).code, 0);
  const auto right = [&](const std::string& run) {
    return json::parse(test::read_text(path(run + "/result.json"))).at("test").at("top1").get<double>();
  };
  EXPECT_GT(right("teacher"), 50);
  EXPECT_GT(right("student"), 40);  // it has seen no label; chance is 10
}

}  // namespace
}  // namespace pith
