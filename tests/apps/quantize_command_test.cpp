// `pith quantize` and `pith eval` on what it wrote: a trained LeNet-5 on drawn digits, and the refusals.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "tensor/container.h"
#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"
#include "tests/support/golden.h"

namespace pith {
namespace {

using test::Outcome;
using test::run_program;
using Json = nlohmann::json;

class QuantizeCommand : public testing::Test {
 protected:
  void SetUp() override {
    root_ = test::tiny_mnist(folder_);
    const Outcome o = run_program(folder_, test::tiny_training(root_, folder_.file("run")));
    ASSERT_EQ(o.code, 0) << o.err;
    weights_ = folder_.file("run/checkpoints/best.safetensors");
  }
  std::vector<std::string> quantize(const std::string& out, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> a{"quantize",    "--model", "lenet5", "--weights", weights_,        "--data", "mnist",
                               "--data-root", root_,     "--out",  out,         "--calibration", "40",     "--quiet"};
    a.insert(a.end(), more.begin(), more.end());
    return a;
  }
  void expect_refused(const std::vector<std::string>& arguments, int code, const std::string& says) const {
    test::expect_refused(folder_, arguments, code, says);
  }

  test::TemporaryDirectory folder_;
  std::string root_, weights_;
};

TEST_F(QuantizeCommand, PacksAndTheFileEvaluatesAtAnyBatchAndThreadCountAlike) {
  const std::string out = folder_.file("packed.safetensors");
  const Outcome o = run_program(folder_, quantize(out, {"--json"}));
  ASSERT_EQ(o.code, 0) << o.err;
  const Json report = Json::parse(o.out);
  EXPECT_EQ(report.at("layers").size(), 5u);
  EXPECT_EQ(report.at("bytes").get<uintmax_t>(), std::filesystem::file_size(out));
  std::vector<std::string> seen;
  for (const char* batch : {"1", "7", "50"})
    for (const char* threads : {"1", "2"}) {
      const Outcome e = run_program(folder_, {"eval", "--weights", out, "--data", "mnist", "--data-root", root_,
                                              "--json", "--batch-size", batch, "--threads", threads});
      ASSERT_EQ(e.code, 0) << e.err;
      const Json json = Json::parse(e.out);
      EXPECT_EQ(json.at("model"), "lenet5");
      EXPECT_EQ(json.at("total"), 50);
      seen.push_back(json.at("confusion").dump());
    }
  for (const std::string& s : seen) EXPECT_EQ(s, seen.front());
}

TEST_F(QuantizeCommand, TakesFromARunWhatTheCommandLineWouldSayOfIt) {
  const std::string named = folder_.file("named.safetensors"), of_run = folder_.file("of_run.safetensors");
  ASSERT_EQ(run_program(folder_, quantize(named, {"--bits-weights", "4", "--seed", "3"})).code, 0);
  const Outcome o = run_program(folder_, {"quantize", "--run", folder_.file("run"), "--out", of_run, "--bits-weights",
                                          "4", "--calibration", "40", "--quiet"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(test::read_text(of_run), test::read_text(named));
}

TEST_F(QuantizeCommand, FewerBitsAreFewerBytes) {
  const std::string a = folder_.file("w8.safetensors"), b = folder_.file("w4.safetensors");
  ASSERT_EQ(run_program(folder_, quantize(a)).code, 0);
  ASSERT_EQ(run_program(folder_, quantize(b, {"--bits-weights", "4", "--clip", "mse"})).code, 0);
  EXPECT_LT(std::filesystem::file_size(b), 0.65 * static_cast<double>(std::filesystem::file_size(a)));
}

TEST_F(QuantizeCommand, ChoosesBitsALayerForABudgetOfBytes) {
  const std::string out = folder_.file("mixed.safetensors");
  const Outcome o =
      run_program(folder_, quantize(out, {"--budget-bytes", "30000", "--budget-widths", "2,4,8", "--json"}));
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_LE(std::filesystem::file_size(out), 30000u);
  const Json json = Json::parse(o.out);
  for (const Json& layer : json.at("layers"))
    EXPECT_TRUE(std::set<int>({2, 4, 8}).contains(layer.at("bits_weights").get<int>())) << layer;
  expect_refused(quantize(out, {"--budget-bytes", "3000"}), 2, "at least");
  expect_refused(quantize(out, {"--budget-bytes", "30000", "--budget-widths", "2,9"}), 2, "--budget-widths");
}

TEST_F(QuantizeCommand, FindsTheSmallestFileThatLosesFewPoints) {
  const std::string out = folder_.file("points.safetensors"), least = folder_.file("least.safetensors");
  ASSERT_EQ(run_program(folder_, quantize(least, {"--bits-weights", "2"})).code, 0);
  const Outcome o = run_program(folder_, quantize(out, {"--budget-points", "100", "--budget-widths", "2,4,8"}));
  ASSERT_EQ(o.code, 0) << o.err;
  // Whatever may be lost: two bits, in the ends, too, which the other file keeps at 8.
  EXPECT_LT(std::filesystem::file_size(out), std::filesystem::file_size(least));
  expect_refused(quantize(out, {"--budget-points", "-1"}), 2, "0 to 100");
  expect_refused(quantize(out, {"--budget-points", "1", "--budget-bytes", "30000"}), 2, "exclude each other");
}

TEST_F(QuantizeCommand, KeepsThePrunedWeightsZeroInTrainingAndLeavesThemOutOfTheFile) {
  test::write_text(folder_.file("p.yaml"), R"(version: 1
pruners:
  fine: {class: MagnitudeParameterPruner, thresholds: {fc1.weight: 0.03}}
policies:
  - pruner: {instance_name: fine}
    epochs: [0]
)");
  const std::string pruned = folder_.file("pruned"), start = folder_.file("p.train.safetensors");
  ASSERT_EQ(run_program(folder_, test::tiny_training(root_, pruned, {"--compress", folder_.file("p.yaml")})).code, 0);
  weights_ = pruned + "/checkpoints/best.safetensors";
  const auto zeros_of = [](const std::string& file, const std::string& section) {
    return read_container(file).find(section)->tensor().to_vector<float>();
  };
  const std::vector<float> before = zeros_of(weights_, "fc1.weight");
  ASSERT_GT(std::count(before.begin(), before.end(), 0.0F), std::ssize(before) / 2);
  ASSERT_EQ(run_program(folder_, quantize(start, {"--bits-weights", "4", "--keep-float"})).code, 0);
  const Outcome o = run_program(folder_, test::tiny_training(root_, folder_.file("on"), {"--init", start}));
  ASSERT_EQ(o.code, 0) << o.err;
  const std::vector<float> after = zeros_of(folder_.file("on/checkpoints/best.safetensors"), "fc1.weight");
  for (size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(before[i] != 0 || after[i] == 0) << i;
  EXPECT_NE(before, after);
  const std::string packed = folder_.file("p4.safetensors");
  ASSERT_EQ(run_program(folder_, {"quantize", "--run", folder_.file("on"), "--out", packed}).code, 0);
  const Container c = read_container(packed);
  ASSERT_NE(c.find("fc1.kept"), nullptr);
  EXPECT_LE(std::ssize(c.find("fc1.weight")->bytes), (std::ssize(before) / 2 + 1) / 2);
  EXPECT_EQ(c.find("fc1.mask"), nullptr);
}

TEST_F(QuantizeCommand, FitsToTheCalibrationAndGivesTheSameBytesAtAnyThreadCount) {
  const std::string plain = folder_.file("plain.safetensors");
  const std::vector<std::string> bits{"--bits-weights", "3", "--bits-activations", "4", "--clip", "mse"};
  ASSERT_EQ(run_program(folder_, quantize(plain, bits)).code, 0);
  const std::vector<std::vector<std::string>> fits{
      {"--bias-correction"}, {"--rounding", "descent"}, {"--rounding", "adaround"}, {"--search", "1"}, {"--equalise"}};
  for (const std::vector<std::string>& fit : fits) {
    std::vector<std::vector<uint8_t>> bytes;
    for (const char* threads : {"1", "3"}) {
      const std::string out = folder_.file("fitted.safetensors");
      std::vector<std::string> more = bits;
      more.insert(more.end(), fit.begin(), fit.end());
      more.insert(more.end(), {"--threads", threads});
      const Outcome o = run_program(folder_, quantize(out, more));
      ASSERT_EQ(o.code, 0) << fit[0] << o.err;
      bytes.push_back(test::read_bytes(out));
    }
    EXPECT_EQ(bytes[0], bytes[1]) << fit.back();
    EXPECT_NE(bytes[0], test::read_bytes(plain)) << fit.back();
  }
}

TEST_F(QuantizeCommand, ItsFileHasASummaryOfFormatsAndBytes) {
  const std::string out = folder_.file("packed.safetensors");
  const Outcome o = run_program(folder_, quantize(out, {"--json", "--bits-weights", "4"}));
  ASSERT_EQ(o.code, 0) << o.err;
  const Outcome summary = run_program(folder_, {"summary", "--weights", out, "--json"});
  ASSERT_EQ(summary.code, 0) << summary.err;
  const Json made = Json::parse(o.out).at("layers"), table = Json::parse(summary.out).at("packed");
  ASSERT_EQ(table.at("rows").size(), made.size());
  for (size_t i = 0; i < made.size(); ++i) {
    const Json& row = table.at("rows")[i];
    EXPECT_EQ(row.at("Name"), made[i].at("layer"));
    EXPECT_EQ(row.at("Acc bits"), made[i].at("accumulator_bits"));
    EXPECT_EQ(row.at("Rule bits"), made[i].at("rule_bits"));
    EXPECT_EQ(row.at("Weights"), std::string("s").append(made[i].at("bits_weights").dump()));
  }
  // conv2 of LeNet-5: 16 x 6 x 5 x 5 weights of 4 bits, 16 scales and 16 biases of 4 bytes; 10 x 10 results a filter.
  const Json& conv2 = table.at("rows")[1];
  EXPECT_EQ(conv2.at("Bytes"), 2400 / 2 + 16 * 4 + 16 * 4);
  EXPECT_EQ(conv2.at("MACs"), 2400 * 100);
  EXPECT_EQ(table.at("total").at("Weights volume"), 61470);
  expect_refused({"summary", "--weights", out, "--kind", "png"}, 2, "packed");
}

TEST_F(QuantizeCommand, TakesItsOwnStatisticsBackAndRefusesAnothers) {
  const std::string out = folder_.file("a.safetensors"), again = folder_.file("b.safetensors"),
                    statistics = folder_.file("s.safetensors");
  ASSERT_EQ(run_program(folder_, quantize(out, {"--write-statistics", statistics})).code, 0);
  ASSERT_EQ(run_program(folder_, quantize(again, {"--statistics", statistics})).code, 0);
  EXPECT_EQ(test::read_bytes(out), test::read_bytes(again));
  std::vector<std::string> other = quantize(again, {"--statistics", statistics});
  other[2] = "simplenet-mnist";
  other[4] = folder_.file("other/checkpoints/best.safetensors");
  std::vector<std::string> train = test::tiny_training(root_, folder_.file("other"));
  train[2] = "simplenet-mnist";
  ASSERT_EQ(run_program(folder_, train).code, 0);
  expect_refused(other, 3, "another");
}

TEST_F(QuantizeCommand, RefusesWithOneSentence) {
  const std::string out = folder_.file("x.safetensors");
  expect_refused(quantize(out, {"--bits-weights", "0"}), 2, "--bits-weights");
  expect_refused(quantize(out, {"--bits-activations", "9"}), 2, "--bits-activations");
  expect_refused(quantize(out, {"--bits-weights", "9"}), 2, "--bits-weights");
  expect_refused(quantize(out, {"--bits-activations", "0"}), 2, "--bits-activations");
  expect_refused(quantize(out, {"--bits-ends", "9"}), 2, "--bits-ends");
  expect_refused(quantize(out, {"--bits-residual", "9"}), 2, "--bits-residual");
  expect_refused(quantize(out, {"--bits-residual", "8"}), 2, "no residuals");
  expect_refused(quantize(out, {"--bits-residual", "8", "--method", "dynamic"}), 2, "--bits-residual");
  expect_refused(quantize(out, {"--bits-residual", "8", "--method", "weight-only"}), 2, "weight-only");
  expect_refused(quantize(out, {"--bits-shortcuts", "8"}), 2, "--bits-residual");
  expect_refused(quantize(out, {"--bits-residual", "8", "--bits-shortcuts", "9"}), 2, "--bits-shortcuts");
  expect_refused(quantize(out, {"--bits-shortcuts", "8", "--method", "weight-only"}), 2, "weight-only");
  expect_refused(quantize(out, {"--override", "conv1:w=0"}), 2, "--override");
  expect_refused(quantize(out, {"--override", "conv1:a=9"}), 2, "--override");
  expect_refused(quantize(out, {"--override", "conv9:w=4"}), 2, "conv9");
  expect_refused(quantize(out, {"--override", "conv1:w=4x"}), 2, "--override");
  expect_refused(quantize(out, {"--clip", "minmax"}), 2, "minmax");
  expect_refused(quantize(out, {"--method", "magic"}), 2, "--method");
  expect_refused(quantize(out, {"--calibration", "-1"}), 2, "--calibration");
  expect_refused(quantize(out, {"--calibration", "201"}), 2, "asks for 201 images, the training set has 200");
  expect_refused(quantize(out, {"--rounding", "up"}), 2, "descent");
  expect_refused(quantize(out, {"--search", "11"}), 2, "--search");
  expect_refused(quantize(out, {"--method", "dynamic", "--bias-correction"}), 2, "--bias-correction");
  expect_refused(quantize("packed.bin"), 2, "--out");
  expect_refused(quantize(out, {"--statistics", weights_}), 3, "statistics");
  EXPECT_FALSE(std::filesystem::exists(out));
  expect_refused(
      {"eval", "--weights", weights_ + ".none", "--model", "lenet5", "--data", "mnist", "--data-root", root_}, 1,
      "none");
}

TEST_F(QuantizeCommand, RefusesWeightsAndStatisticsThatAreNoNumbers) {
  const std::string bad = folder_.file("nan.safetensors"), out = folder_.file("x.safetensors");
  Container file = read_container(weights_);
  for (Section& s : file.sections) {
    if (s.name != "conv2.weight") continue;
    const float nan = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(s.bytes.data() + 40, &nan, sizeof nan);
  }
  write_container(bad, file);
  std::vector<std::string> a = quantize(out);
  a[4] = bad;
  expect_refused(a, 4, "not finite");
  const std::string statistics = folder_.file("s.safetensors");
  ASSERT_EQ(run_program(folder_, quantize(out, {"--write-statistics", statistics})).code, 0);
  std::filesystem::remove(out);
  Container numbers = read_container(statistics);
  for (Section& s : numbers.sections) {
    if (!s.name.ends_with("conv1.statistics")) continue;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    std::memcpy(s.bytes.data() + 8, &nan, sizeof nan);
  }
  write_container(statistics, numbers);
  expect_refused(quantize(out, {"--statistics", statistics}), 3, "finite statistics of conv1");
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST_F(QuantizeCommand, RefusesScalesPerChannelWhereAValueHasOne) {
  const std::string out = folder_.file("x.safetensors");
  ASSERT_EQ(run_program(folder_, quantize(out)).code, 0);
  Container file = read_container(out);
  for (Section& s : file.sections)
    if (s.name == "values.scale")  // six scales for conv1's output, as if one a channel
      s = Section::of(s.name, Tensor::full({s.shape[0] + 5}, 0.5));
  write_container(out, file);
  expect_refused({"eval", "--weights", out, "--data", "mnist", "--data-root", root_}, 3, "values.scale");
}

TEST_F(QuantizeCommand, TrainsOnFromAFileThatKnowsItsModel) {
  const std::string start = folder_.file("w4.train.safetensors");
  ASSERT_EQ(run_program(folder_, quantize(start, {"--bits-weights", "4", "--keep-float"})).code, 0);
  std::vector<std::string> train = test::tiny_training(root_, folder_.file("on"), {"--init", start});
  train.erase(train.begin() + 1, train.begin() + 3);  // --model lenet5
  const Outcome o = run_program(folder_, train);
  EXPECT_EQ(o.code, 0) << o.err;
  std::vector<std::string> other = test::tiny_training(root_, folder_.file("not"), {"--init", start});
  other[2] = "simplenet-mnist";
  expect_refused(other, 3, "lenet5");
}

/// Whatever becomes of the file that --init named, and wherever the run is moved to.
TEST_F(QuantizeCommand, ARunKeepsWhatItBeganWith) {
  const std::string integers = folder_.file("s.train.safetensors"), floats = folder_.file("s.safetensors"),
                    run = folder_.file("began"), moved = folder_.file("moved"), out = folder_.file("k.safetensors");
  ASSERT_EQ(run_program(folder_, quantize(integers, {"--bits-weights", "4", "--keep-float"})).code, 0);
  std::filesystem::copy_file(weights_, floats);
  for (const std::string& start : {integers, floats}) {
    const std::vector<uint8_t> began = test::read_bytes(start);
    ASSERT_EQ(run_program(folder_, test::tiny_training(root_, run, {"--init", start})).code, 0);
    EXPECT_EQ(test::read_bytes(run + "/start.safetensors"), began);
    const std::string trained = test::read_text(run + "/result.json");
    std::filesystem::remove(start);
    std::filesystem::rename(run, moved);
    const Outcome again = run_program(folder_, {"train", "--resume", moved, "--quiet"});
    ASSERT_EQ(again.code, 0) << again.err;
    const Json before = Json::parse(trained).at("test");
    EXPECT_EQ(Json::parse(test::read_text(moved + "/result.json")).at("test"), before);
    const Outcome e = run_program(folder_, {"eval", "--run", moved, "--json"});
    ASSERT_EQ(e.code, 0) << e.err;
    EXPECT_EQ(Json::parse(e.out).at("correct"), before.at("correct"));
    std::vector<std::string> pack{"quantize", "--run", moved, "--out", out, "--quiet"};
    if (start == floats) pack.insert(pack.end(), {"--calibration", "40"});
    const Outcome packed = run_program(folder_, pack);
    ASSERT_EQ(packed.code, 0) << packed.err;
    const bool has_four_bits = read_container(out).find("fc1.weight")->bytes.size() < 400 * 120 * 3 / 4;
    EXPECT_EQ(has_four_bits, start == integers);
    std::filesystem::remove_all(moved);
  }
}

/// What training reaches on the test set is what the packed file does, image by image.
TEST_F(QuantizeCommand, TrainsByEveryMethodToWhatItsFileThenDoes) {
  const std::vector<std::vector<std::string>> methods{
      {"2", "ternary", "pact", "folded"}, {"1", "binary", "ema", "batch"}, {"4", "dorefa", "fixed", "folded"},
      {"4", "wrpn", "lsq", "batch"},      {"5", "inq", "lsq", "folded"},   {"4", "ttq", "pact", "batch"},
      {"3", "abc", "lsq", "folded"}};
  for (const std::vector<std::string>& m : methods) {
    const std::string start = folder_.file("m.train.safetensors"), out = folder_.file("m.safetensors"),
                      run = folder_.file("run-" + m[1]);
    const Outcome q = run_program(
        folder_, quantize(start, {"--bits-weights", m[0], "--bits-activations", "4", "--bits-ends", "0", "--keep-float",
                                  "--train-weights", m[1], "--train-activations", m[2], "--train-norm", m[3]}));
    ASSERT_EQ(q.code, 0) << q.err;
    std::vector<std::string> train = test::tiny_training(root_, run, {"--init", start, "--json"});
    train.erase(train.begin() + 1, train.begin() + 3);  // --model lenet5
    std::erase(train, "--quiet");
    const Outcome t = run_program(folder_, train);
    ASSERT_EQ(t.code, 0) << t.err;
    const std::string log = test::read_text(run + "/log.txt"), first = log.substr(0, log.find('\n'));
    EXPECT_NE(first.find("weights " + m[1] + ", activations " + m[2]), std::string::npos) << first;
    EXPECT_EQ(first.find("batch norm live") != std::string::npos, m[3] == "batch") << first;
    ASSERT_EQ(run_program(folder_, {"quantize", "--run", run, "--out", out, "--quiet"}).code, 0);
    const Outcome e =
        run_program(folder_, {"eval", "--weights", out, "--data", "mnist", "--data-root", root_, "--json"});
    ASSERT_EQ(e.code, 0) << e.err;
    const Json trained = Json::parse(test::read_text(run + "/result.json")).at("test"), packed = Json::parse(e.out);
    for (const char* key : {"correct", "total"}) EXPECT_EQ(packed.at(key), trained.at(key)) << m[1] << " " << key;
    EXPECT_NEAR(packed.at("loss").get<double>(), trained.at("loss").get<double>(), 1e-9) << m[1];
  }
}

/// In the file that training begins with and in the one that it ends with, by what `pith prove` says of them.
TEST_F(QuantizeCommand, TrainsWithSumsThatProvablyFitAnAccumulator) {
  const std::string start = folder_.file("p.train.safetensors"), out = folder_.file("p.safetensors"),
                    run = folder_.file("run-p");
  const Outcome q = run_program(folder_, quantize(start, {"--bits-weights", "4", "--bits-activations", "4",
                                                          "--keep-float", "--train-accumulator", "12"}));
  ASSERT_EQ(q.code, 0) << q.err;
  std::vector<std::string> train = test::tiny_training(root_, run, {"--init", start});
  train.erase(train.begin() + 1, train.begin() + 3);  // --model lenet5
  ASSERT_EQ(run_program(folder_, train).code, 0);
  const std::string log = test::read_text(run + "/log.txt");
  EXPECT_NE(log.find("weights lsq, activations lsq, sums of 12 bits (3 layers)"), std::string::npos) << log;
  ASSERT_EQ(run_program(folder_, {"quantize", "--run", run, "--out", out, "--quiet"}).code, 0);
  for (const std::string& file : {start, out}) {
    const Outcome p = run_program(folder_, {"prove", file, "--json"});
    ASSERT_EQ(p.code, 0) << p.err;
    int seen = 0;
    const Json proved = Json::parse(p.out);
    for (const Json& layer : proved.at("layers"))
      if (layer.at("layer") != "conv1" && layer.at("layer") != "fc3") {  // the ends have 8 bits, and no limit
        EXPECT_LE(layer.at("bits").get<int>(), 12) << layer.dump();
        ++seen;
      }
    EXPECT_EQ(seen, 3);
  }
}

/// No model and no data: a smaller file of weights, which `pith eval` takes as any other.
TEST_F(QuantizeCommand, RoundsWeightsAloneWhereAskedTo) {
  const std::string out = folder_.file("whole.safetensors");
  const auto correct = [&](const std::string& weights) {
    const Outcome e = run_program(folder_, {"eval", "--model", "lenet5", "--weights", weights, "--data", "mnist",
                                            "--data-root", root_, "--json"});
    EXPECT_EQ(e.code, 0) << e.err;
    return Json::parse(e.out).at("correct").get<int>();
  };
  double share = 1;
  for (const std::string bits : {"16", "8", "4"}) {
    const Outcome q =
        run_program(folder_, {"quantize", "--method", "weight-only", "--weights", weights_, "--bits-weights", bits,
                              "--group-size", "32", "--override", "fc3*:w=8", "--out", out, "--json"});
    ASSERT_EQ(q.code, 0) << q.err;
    const Json report = Json::parse(q.out);
    EXPECT_EQ(report.at("tensors"), 5);
    EXPECT_EQ(report.at("bytes").get<uintmax_t>(), std::filesystem::file_size(out));
    EXPECT_LT(report.at("share").get<double>(), bits == "16" ? 0.56 : 0.7 * share);
    share = report.at("share").get<double>();
    EXPECT_NEAR(correct(out), correct(weights_), bits == "16" ? 0 : bits == "8" ? 1 : 10) << bits;
  }
}

TEST_F(QuantizeCommand, RefusesMethodsThatCannotTrainWithOneSentence) {
  const std::string out = folder_.file("x.safetensors");
  const auto train_by = [&](std::vector<std::string> more) {
    more.push_back("--keep-float");
    return quantize(out, more);
  };
  expect_refused(train_by({"--train-weights", "bnn"}), 2, "not \"bnn\"");
  expect_refused(train_by({"--train-activations", "relu"}), 2, "lsq, pact, ema or fixed");
  expect_refused(train_by({"--train-weights", "ternary"}), 2, "ternary takes 2 bits; --bits-weights has 8");
  expect_refused(train_by({"--train-weights", "binary", "--bits-weights", "2"}), 2, "takes 1 bit");
  expect_refused(train_by({"--train-weights", "wrpn", "--bits-weights", "1"}), 2, "takes 2 to 8 bits");
  expect_refused(train_by({"--train-activations", "pact", "--method", "dynamic"}), 2, "--method dynamic");
  expect_refused(train_by({"--train-norm", "layer"}), 2, "folded or batch");
  expect_refused(train_by({"--train-norm", "batch", "--method", "dynamic"}), 2, "--method dynamic");
  expect_refused(train_by({"--train-norm", "batch", "--train-accumulator", "16"}), 2, "--train-accumulator");
  expect_refused(quantize(out, {"--train-norm", "batch"}), 2, "--keep-float");
  expect_refused(quantize(out, {"--train-weights", "dorefa"}), 2, "--keep-float");
  expect_refused(quantize(out, {"--train-accumulator", "16"}), 2, "--keep-float");
  expect_refused(train_by({"--train-accumulator", "25"}), 2, "8 to 24 bits, not 25");
  expect_refused(train_by({"--train-accumulator", "16", "--bits-weights", "1"}), 2, "--bits-weights has 1 by lsq");
  expect_refused({"quantize", "--run", folder_.file("run"), "--out", out, "--train-activations", "ema"}, 2,
                 "--keep-float");
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST_F(QuantizeCommand, RefusesToRoundWeightsAloneAndMoreWithOneSentence) {
  const std::string out = folder_.file("x.safetensors"), packed = folder_.file("packed.safetensors");
  const auto weight_only = [&](const std::string& weights, const std::vector<std::string>& more) {
    std::vector<std::string> a{"quantize", "--method", "weight-only", "--weights", weights, "--out", out};
    a.insert(a.end(), more.begin(), more.end());
    return a;
  };
  expect_refused(weight_only(weights_, {"--bits-activations", "4"}), 2, "leaves all else real");
  expect_refused(weight_only(weights_, {"--keep-float"}), 2, "no --keep-float");
  expect_refused(weight_only(weights_, {"--bits-weights", "9"}), 2, "--bits-weights takes 1 to 8 or 16, not 9");
  expect_refused(weight_only(weights_, {"--group-size", "-1"}), 2, "--group-size");
  expect_refused(weight_only(weights_, {"--override", "fc1:a=4"}), 2, "no bits of activations");
  expect_refused(weight_only(weights_, {"--override", "fc9*:w=4"}), 2, "\"fc9*\" names no weight");
  expect_refused(quantize(out, {"--group-size", "32"}), 2, "--group-size is of --method weight-only");
  ASSERT_EQ(run_program(folder_, quantize(packed)).code, 0);
  expect_refused(weight_only(packed, {}), 2, "whole numbers already");
  EXPECT_FALSE(std::filesystem::exists(out));
}

/// The published ResNet-20: what `ls -l` says, as shares of the file of its real weights.
TEST(PackedBytes, OfResnetStayBelowTheirBarsAtEveryWidth) {
  const std::string weights = test::real_data("checkpoints/checkpoint_trained_dense.safetensors");
  if (weights.empty())
    GTEST_SKIP() << "PITH_DATA names no folder with checkpoints/checkpoint_trained_dense.safetensors";
  const test::TemporaryDirectory folder;
  const std::string root = std::getenv("PITH_DATA"), statistics = folder.file("statistics.json");
  const std::string packed = folder.file("packed.safetensors");
  const std::vector<std::string> all{"quantize", "--model", "resnet20-cifar", "--weights",
                                     weights,    "--data",  "cifar10",        "--data-root",
                                     root,       "--out",   packed,           "--quiet"};
  const auto share_at = [&](const std::string& bits, const char* option) {
    std::vector<std::string> a = all;
    a.insert(a.end(), {"--bits-weights", bits, option, statistics, "--calibration", "16"});
    const Outcome o = run_program(folder, a);
    EXPECT_EQ(o.code, 0) << o.err;
    return static_cast<double>(std::filesystem::file_size(packed)) /
           static_cast<double>(std::filesystem::file_size(weights));
  };
  EXPECT_LE(share_at("8", "--write-statistics"), 0.27);
  EXPECT_LE(share_at("4", "--statistics"), 0.15);
  EXPECT_LE(share_at("2", "--statistics"), 0.09);
  EXPECT_LE(share_at("1", "--statistics"), 0.06);
}

}  // namespace
}  // namespace pith
