// `pith train --model lstm-lm`: a language model on a text of its own.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "tensor/random.h"
#include "tests/apps/program.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using test::Outcome;
using test::run_program;
using Arguments = std::vector<std::string>;

/// Sentences whose next word can mostly be told from the last one, so that a model has something to learn.
std::string sentences(int64_t count, uint64_t seed) {
  const char* words[4][2] = {{"the", "a"}, {"cat", "dog"}, {"sees", "hears"}, {"birds", "rain"}};
  Random random({seed, Purpose::test});
  std::string text;
  for (int64_t i = 0; i < count; ++i) {
    for (const auto& choice : words) (text += choice[random.below(2)]) += ' ';
    text += '\n';
  }
  return text;
}

class LanguageCommand : public testing::Test {
 protected:
  LanguageCommand() {
    test::write_text(path("train.txt"), sentences(600, 1));
    test::write_text(path("test.txt"), sentences(60, 2));
  }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  Arguments arguments(const std::string& run, const Arguments& more = {}) const {
    Arguments a = {"train",
                   "--model",
                   "lstm_lm",
                   "--text",
                   path("train.txt"),
                   "--text-test",
                   path("test.txt"),
                   "--hidden",
                   "16",
                   "--embed",
                   "16",
                   "--layers",
                   "2",
                   "--bptt",
                   "10",
                   "--batch-size",
                   "5",
                   "--epochs",
                   "3",
                   "--lr",
                   "5",
                   "--checkpoint-steps",
                   "7",
                   "--quiet",
                   "--out",
                   path(run)};
    a.insert(a.end(), more.begin(), more.end());
    return a;
  }

  const test::TemporaryDirectory folder_;
};

TEST_F(LanguageCommand, LearnsMoreEveryEpoch) {
  const Outcome o = run_program(folder_, arguments("run", {"--json"}));
  ASSERT_EQ(o.code, 0) << o.err;
  const auto json = nlohmann::json::parse(o.out);
  double before = 11;  // ten words and the end of the line: what guessing gives
  for (const auto& epoch : json.at("epochs")) {
    EXPECT_LT(epoch.at("valid_perplexity"), before);
    before = epoch.at("valid_perplexity");
  }
  EXPECT_LT(json.at("test").at("perplexity"), 3);
  EXPECT_GT(json.at("test").at("perplexity"), 1.7) << "four of five words are even guesses of two: 2^(4/5) = 1.74";
}

TEST_F(LanguageCommand, EvaluatesItsRun) {
  ASSERT_EQ(run_program(folder_, arguments("run")).code, 0);
  const Outcome o = run_program(folder_, {"eval", "--run", path("run"), "--json", "--quiet"});
  ASSERT_EQ(o.code, 0) << o.err;
  const auto result = nlohmann::json::parse(test::read_text(path("run/result.json")));
  EXPECT_EQ(nlohmann::json::parse(o.out).at("perplexity"), result.at("test").at("perplexity"));
}

TEST_F(LanguageCommand, ItsRunHasASummaryOfZerosAndLayers) {
  test::write_text(path("schedule.yaml"),
                   "version: 1\n"
                   "pruners: {half: {class: SparsityLevelParameterPruner, levels: {decoder.weight: 0.5}}}\n"
                   "policies: [{pruner: {instance_name: half}, epochs: [0]}]\n");
  ASSERT_EQ(run_program(folder_, arguments("run", {"--compress", path("schedule.yaml")})).code, 0);
  fs::remove(path("schedule.yaml"));
  const Outcome o =
      run_program(folder_, {"summary", "--run", path("run"), "--kind", "sparsity", "--kind", "model", "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  const auto json = nlohmann::json::parse(o.out);
  std::map<std::string, double> fine;
  for (const auto& row : json.at("sparsity").at("rows")) fine[row.at("Name")] = row.at("Fine (%)");
  EXPECT_EQ(fine.at("decoder.weight"), 50);
  EXPECT_EQ(fine.at("encoder.weight"), 0);
  EXPECT_EQ(fine.at("rnn.weight_hh_l1"), 0);
  EXPECT_NE(json.at("model").get<std::string>().find("decoder: Linear 16 ->"), std::string::npos);
  const Outcome refused = run_program(folder_, {"summary", "--run", path("run"), "--kind", "compute"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("holds a language model"), std::string::npos) << refused.err;
}

/// LSTM, embedding and decoder: every matrix of the network.
TEST_F(LanguageCommand, EvaluatesItsWeightsInWholeNumbersNearlyAsTheRealOnes) {
  ASSERT_EQ(run_program(folder_, arguments("run")).code, 0);
  const std::string real = path("run/checkpoints/best.safetensors"), whole = path("whole.safetensors");
  const Outcome q = run_program(
      folder_, {"quantize", "--method", "weight-only", "--weights", real, "--bits-weights", "8", "--out", whole});
  ASSERT_EQ(q.code, 0) << q.err;
  EXPECT_LT(fs::file_size(whole), 0.6 * static_cast<double>(fs::file_size(real)));  // tiny matrices, long names
  std::vector<double> perplexity;
  for (const std::string& weights : {real, whole}) {
    const Outcome e = run_program(folder_, {"eval", "--run", path("run"), "--weights", weights, "--json"});
    ASSERT_EQ(e.code, 0) << e.err;
    perplexity.push_back(nlohmann::json::parse(e.out).at("perplexity"));
  }
  EXPECT_NE(perplexity[0], perplexity[1]);
  EXPECT_NEAR(perplexity[1], perplexity[0], 0.02 * perplexity[0]);
}

TEST_F(LanguageCommand, GoesOnWithTheSameBitsAfterAKill) {
  ASSERT_EQ(run_program(folder_, arguments("whole")).code, 0);
  const test::Program first(folder_, arguments("killed"));
  for (int i = 0; i < 30000 && !fs::exists(path("killed/checkpoints/last.safetensors")); ++i) ::usleep(1000);
  ::usleep(20000);
  first.signal(SIGKILL);
  first.wait();
  const Outcome o = run_program(folder_, {"train", "--resume", path("killed"), "--quiet"});
  ASSERT_EQ(o.code, 0) << o.err;
  for (const char* file : {"/metrics.csv", "/checkpoints/best.safetensors"}) {
    EXPECT_EQ(test::read_bytes(path("killed") + file), test::read_bytes(path("whole") + file)) << file;
  }
}

/// The shadows, the steps, and the file without shadows: one network.
TEST_F(LanguageCommand, TrainsInWholeNumbersAndPacksThemAsTheyAre) {
  ASSERT_EQ(run_program(folder_, arguments("real")).code, 0);
  const std::string real = path("real/checkpoints/best.safetensors"), packed = path("packed.safetensors");
  const Outcome t = run_program(folder_, arguments("whole", {"--init", real, "--bits-weights", "3", "--json"}));
  ASSERT_EQ(t.code, 0) << t.err;
  const auto trained = nlohmann::json::parse(t.out).at("test").at("perplexity");
  EXPECT_LT(trained, 3);
  const Outcome q = run_program(folder_, {"quantize", "--run", path("whole"), "--out", packed});
  ASSERT_EQ(q.code, 0) << q.err;
  EXPECT_LT(fs::file_size(packed), 0.5 * static_cast<double>(fs::file_size(real)));
  for (const Arguments& weights : {Arguments{}, Arguments{"--weights", packed}}) {
    Arguments a{"eval", "--run", path("whole"), "--json", "--quiet"};
    a.insert(a.end(), weights.begin(), weights.end());
    const Outcome e = run_program(folder_, a);
    ASSERT_EQ(e.code, 0) << e.err;
    EXPECT_EQ(nlohmann::json::parse(e.out).at("perplexity"), trained);
  }
  const Outcome wrong = run_program(folder_, {"eval", "--run", path("real"), "--weights", packed});
  EXPECT_EQ(wrong.code, 3) << "a network that computes in real numbers has no steps";
  EXPECT_TRUE(test::is_one_line(wrong.err)) << wrong.err;
  EXPECT_EQ(run_program(folder_, {"quantize", "--run", path("real"), "--out", packed}).code, 3);
  EXPECT_EQ(run_program(folder_, arguments("none", {"--bits-weights", "9"})).code, 2);
}

TEST_F(LanguageCommand, GoesOnInWholeNumbersWithTheSameBits) {
  const Arguments bits{"--bits-weights", "4"};
  ASSERT_EQ(run_program(folder_, arguments("whole", bits)).code, 0);
  const test::Program first(folder_, arguments("killed", bits));
  for (int i = 0; i < 30000 && !fs::exists(path("killed/checkpoints/last.safetensors")); ++i) ::usleep(1000);
  first.signal(SIGKILL);
  first.wait();
  ASSERT_EQ(run_program(folder_, {"train", "--resume", path("killed"), "--quiet"}).code, 0);
  for (const char* file : {"/metrics.csv", "/checkpoints/best.safetensors"})
    EXPECT_EQ(test::read_bytes(path("killed") + file), test::read_bytes(path("whole") + file)) << file;
}

TEST_F(LanguageCommand, RefusesHalfAText) {
  const Outcome o = run_program(folder_, {"train", "--model", "lstm-lm", "--text", path("train.txt")});
  EXPECT_EQ(o.code, 2);
  EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
}

TEST_F(LanguageCommand, SaysWhichTextIsMissing) {
  const Outcome o = run_program(folder_, arguments("run", {"--text", path("none.txt")}));
  EXPECT_EQ(o.code, 1);
  EXPECT_NE(o.err.find("none.txt"), std::string::npos) << o.err;
  EXPECT_FALSE(fs::exists(path("run"))) << "a refused text leaves no run behind";
}

}  // namespace
}  // namespace pith
