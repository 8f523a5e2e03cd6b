// What a run writes beside metrics.csv says the same as metrics.csv and the checkpoint: JSON lines, TensorBoard's
// events (by a strict reader of its own), the line of every step.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <regex>
#include <sstream>

#include "apps/epoch_record.h"
#include "apps/report.h"
#include "apps/run_directory.h"
#include "nn/checkpoint.h"
#include "nn/models.h"
#include "tests/apps/program.h"
#include "tests/apps/strict_event_reader.h"
#include "tests/apps/tiny_data.h"

namespace pith::apps {
namespace {

constexpr const char* kSchedule =
    "version: 1\n"
    "pruners:\n  level: {class: SparsityLevelParameterPruner, levels: {conv2.weight: 0.5}}\n"
    "regularizers:\n  lasso: {class: L1Regularizer, reg_regims: {fc1.weight: 0.0001}}\n"
    "policies:\n"
    "  - {pruner: {instance_name: level}, epochs: [0]}\n"
    "  - {regularizer: {instance_name: lasso}, starting_epoch: 0, ending_epoch: 2, frequency: 1}\n";

/// One run for all tests here: two epochs of LeNet-5 under a schedule, with histograms.
struct LoggedRun {
  LoggedRun() {
    const std::string root = test::tiny_mnist(folder);
    test::write_text(folder.file("s.yaml"), kSchedule);
    outcome = test::run_program(folder, {"train",      "--model",
                                         "lenet5",     "--data",
                                         "mnist",      "--data-root",
                                         root,         "--out",
                                         run,          "--lr",
                                         "0.02",       "--epochs",
                                         "2",          "--batch-size",
                                         "32",         "--param-hist",
                                         "-p",         "2",
                                         "--compress", folder.file("s.yaml")});
    for (const auto& entry : std::filesystem::directory_iterator(run))
      if (entry.path().filename().string().starts_with("events.")) events = test::read_text(entry.path());
  }
  test::TemporaryDirectory folder;
  std::string run = folder.file("run"), events;
  test::Outcome outcome;
};

const LoggedRun& logged() {
  static const LoggedRun run;
  return run;
}

TEST(Loggers, WriteTheRowsOfMetricsAsJsonLines) {
  ASSERT_EQ(logged().outcome.code, 0) << logged().outcome.err;
  std::istringstream lines(test::read_text(logged().run + "/metrics.jsonl"));
  Json rows = Json::array();
  for (std::string line; std::getline(lines, line);) rows.push_back(Json::parse(line));
  EXPECT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows, csv_json(logged().run + "/metrics.csv"));
  EXPECT_EQ(rows[1]["epoch"], 2);
  EXPECT_EQ(rows[1]["sparsity/conv2.weight"], 0.5);
}

TEST(Loggers, WriteEventsWhoseScalarsAreThoseOfMetrics) {
  ASSERT_EQ(logged().outcome.code, 0) << logged().outcome.err;
  const Json rows = csv_json(logged().run + "/metrics.csv");
  int compared = 0;
  for (const test::Event& e : test::StrictEventReader::read(logged().events)) {
    if (e.is_histogram || e.tag.empty()) continue;
    std::string column = e.tag;  // "valid/top1" is valid_top1; "sparsity/NAME" is itself
    if (!column.starts_with("sparsity")) std::replace(column.begin(), column.end(), '/', '_');
    const Json& row = rows.at(static_cast<size_t>(e.step - 1));
    ASSERT_TRUE(row.contains(column)) << column;
    EXPECT_EQ(e.scalar, row[column].get<float>()) << e.tag << " of epoch " << e.step;
    ++compared;
  }
  EXPECT_EQ(compared, 2 * static_cast<int>(rows[0].size() - 1)) << "every column but the epoch, in both epochs";
}

void expect_histogram(const test::HistogramEvent& h, const std::vector<float>& values, const std::string& name) {
  std::vector<double> buckets(h.limits.size());
  double sum = 0, squares = 0;
  for (const double v : values) {
    sum += v;
    squares += v * v;
  }
  EXPECT_EQ(h.num, static_cast<double>(values.size())) << name;
  EXPECT_EQ(h.min, *std::min_element(values.begin(), values.end())) << name;
  EXPECT_EQ(h.max, *std::max_element(values.begin(), values.end())) << name;
  EXPECT_NEAR(h.sum, sum, 1e-9 * (1 + std::fabs(sum))) << name;
  EXPECT_NEAR(h.sum_squares, squares, 1e-9 * (1 + squares)) << name;
  // A value within rounding of a limit may stand on either side of it: each prefix is counted with that slack.
  double seen = 0;
  const double slack = 1e-9 * (h.max - h.min + 1);
  for (size_t i = 0; i < h.limits.size(); ++i) {
    seen += h.buckets[i];
    const auto below = [&](double limit) {
      return static_cast<double>(std::count_if(values.begin(), values.end(), [&](float v) { return v < limit; }));
    };
    EXPECT_GE(seen, below(h.limits[i] - slack)) << name << ", bucket " << i;
    EXPECT_LE(seen, i + 1 == h.limits.size() ? h.num : below(h.limits[i] + slack)) << name << ", bucket " << i;
  }
}

TEST(Loggers, WriteEventsWhoseHistogramsAreOfTheSavedWeights) {
  ASSERT_EQ(logged().outcome.code, 0) << logged().outcome.err;
  const auto model = nn::make_model("lenet5");
  nn::load_weights(logged().run + "/checkpoints/last.safetensors", *model);
  std::map<std::string, test::HistogramEvent> last;
  int activations = 0;
  for (const test::Event& e : test::StrictEventReader::read(logged().events)) {
    if (e.is_histogram && e.step == 2) last[e.tag] = e.histogram;
    if (e.tag.starts_with("activations/")) ++activations;
  }
  int compared = 0;
  model->visit_parameters([&](const std::string& name, nn::Parameter& p) {
    ASSERT_TRUE(last.contains("weights/" + name)) << name;
    expect_histogram(last["weights/" + name], p.value().to_vector<float>(), name);
    ++compared;
  });
  EXPECT_EQ(compared, 10);
  EXPECT_GT(activations, 2 * 5);
  EXPECT_EQ(last.at("activations/conv1").num, 20 * 6 * 28 * 28) << "the 20 images of the validation part";
  EXPECT_EQ(last.at("activations/fc3").num, 20 * 10);
}

TEST(StrictEventReader, RefusesEveryFlippedByteAndEveryCut) {
  ASSERT_EQ(logged().outcome.code, 0) << logged().outcome.err;
  // The version and one record of each kind: all bytes of them, one after the other.
  const test::TemporaryDirectory folder;
  EventFile file(folder.file("events"), 0);
  file.add_scalar("train/loss", 3, 0.25);
  file.add_histogram("weights/w", 3, std::vector<float>{-1, 0, 2});
  file.sync();
  const std::string whole = test::read_text(folder.file("events"));
  ASSERT_EQ(test::StrictEventReader::read(whole).size(), 3u);
  int refused = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string broken = whole;
      broken[at] = static_cast<char>(broken[at] ^ flip);
      EXPECT_THROW(test::StrictEventReader::read(broken), std::runtime_error) << "byte " << at << " ^ " << flip;
      ++refused;
    }
  }
  EXPECT_GT(refused, 1500);
  int records = 0;  // a cut between two records leaves whole ones; every other is refused
  for (size_t bytes = 1; bytes < whole.size(); ++bytes) try {
      test::StrictEventReader::read(whole.substr(0, bytes));
      ++records;
    } catch (const std::runtime_error&) {
    }
  EXPECT_EQ(records, 2);
}

TEST(Loggers, PrintDistillersLineEverySoManySteps) {
  ASSERT_EQ(logged().outcome.code, 0) << logged().outcome.err;
  const std::regex line(
      R"(Epoch: \[(\d+)\]\[ +(\d+)/ +6\]    Overall Loss (\d+\.\d{6})    Objective Loss (\d+\.\d{6})    )"
      R"(lasso_loss (\d+\.\d{6})    Top1 \d+\.\d{6}    Top5 \d+\.\d{6}    LR 0\.\d{6}    Time \d+\.\d{6})");
  std::istringstream lines(logged().outcome.err);
  std::vector<std::string> found;
  for (std::string text; std::getline(lines, text);) {
    std::smatch match;
    if (!std::regex_match(text, match, line)) continue;
    found.push_back(match[1].str() + ":" + match[2].str());
    const double penalty = std::stod(match[5]);
    EXPECT_GT(penalty, 0) << text;
    EXPECT_NEAR(std::stod(match[3]), std::stod(match[4]) + penalty, 2e-6) << text;
  }
  EXPECT_EQ(found, (std::vector<std::string>{"0:2", "0:4", "0:6", "1:2", "1:4", "1:6"})) << logged().outcome.err;
}

TEST(Loggers, AverageWhatRegularizersAdd) {
  Penalties penalties("lasso+l2");
  penalties.add(1);
  penalties.add(2.5);
  const StepRecord step{0, 10, 469, {.seen = 4, .correct = 1, .correct5 = 2, .loss_sum = 8}, penalties, 0.1, 0.5};
  EXPECT_EQ(text(step),
            "Epoch: [0][   10/  469]    Overall Loss 3.750000    Objective Loss 2.000000    lasso+l2_loss 1.750000    "
            "Top1 25.000000    Top5 50.000000    LR 0.100000    Time 0.500000");
}

TEST(Loggers, RepeatJsonLinesFromWhatMetricsKept) {
  const test::TemporaryDirectory folder;
  const std::string path = folder.file("run");
  RunDirectory::Lengths lengths{};
  {
    RunDirectory run = RunDirectory::create(path, "{}");
    run.begin(0, 0, "epoch,loss");
    run.add_metrics("1,0.5");
    lengths = run.sync();
    run.add_metrics("2,");
    run.sync();
  }
  EXPECT_EQ(test::read_text(path + "/metrics.jsonl"), "{\"epoch\":1,\"loss\":0.5}\n{\"epoch\":2,\"loss\":null}\n");
  RunDirectory run = RunDirectory::open(path);
  run.begin(lengths.metrics, lengths.events, "epoch,loss");
  run.add_metrics("2,0.25");
  run.sync();
  EXPECT_EQ(test::read_text(path + "/metrics.jsonl"), "{\"epoch\":1,\"loss\":0.5}\n{\"epoch\":2,\"loss\":0.25}\n");
}

}  // namespace
}  // namespace pith::apps
