// Same settings, same bits: at any number of threads and workers, and for a run that was stopped or killed at any
// moment and resumed. PITH_LONG_TESTS=1 asks for more repetitions and kills.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "tensor/random.h"
#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using test::Outcome;
using test::run_program;
using test::TemporaryDirectory;
using Arguments = std::vector<std::string>;

bool long_tests() { return std::getenv("PITH_LONG_TESTS") != nullptr; }

/// An event file without its wall times, which are bytes 1 to 8 of every record: the one thing that may differ.
std::string events_without_times(const std::string& run) {
  std::string out;
  for (const auto& entry : fs::directory_iterator(run)) {
    if (!entry.path().filename().string().starts_with("events.out.")) continue;
    const std::string file = test::read_text(entry.path());
    for (size_t at = 0; at + 12 < file.size();) {
      uint64_t length = 0;
      std::memcpy(&length, file.data() + at, sizeof length);
      out += file.substr(at + 12 + 9, length - 9);
      at += 16 + length;
    }
  }
  return out;
}

struct Result {
  std::string metrics, events;
  std::vector<uint8_t> weights;
  bool operator==(const Result&) const = default;
};
Result result_of(const std::string& run) {
  return {test::read_text(run + "/metrics.csv"), events_without_times(run),
          test::read_bytes(run + "/checkpoints/best.safetensors")};
}

class Determinism : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  /// The run that nothing disturbs. Momentum, dropout-free LeNet-5, augmentation, a policy that moves every step;
  /// --valid 0 makes "best" the last weights.
  Result undisturbed() {
    const auto start = std::chrono::steady_clock::now();
    const Outcome o = run_program(folder_, arguments("undisturbed"));
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    EXPECT_EQ(o.code, 0) << o.err;
    return result_of(path("undisturbed"));
  }
  Arguments arguments(const std::string& run, const Arguments& more = {}) const {
    Arguments all = {"--valid", "0", "--checkpoint-steps", "3", "--param-hist"};
    all.insert(all.end(), more.begin(), more.end());
    return test::tiny_training(root_, path(run), all);
  }
  Outcome resume(const std::string& run) const {
    return run_program(folder_, {"train", "--resume", path(run), "--quiet"});
  }
  /// Kills the run with these arguments `kills` times, up to `most_pause` us behind its first checkpoint, and resumes
  /// it. Killed where its checkpoint is seen to exist: early kills that find none would test little.
  void survive_kills(const Arguments& more, const Result& expected, int kills, double most_pause) {
    Random random({2027, Purpose::test});
    int killed = 0;
    for (int attempt = 0; attempt < 20 * kills && killed < kills; ++attempt) {
      fs::remove_all(path("killed"));
      const test::Program first(folder_, arguments("killed", more));
      for (int i = 0; i < 30000 && !fs::exists(path("killed/checkpoints/last.safetensors")); ++i) ::usleep(500);
      ::usleep(static_cast<useconds_t>(random.uniform(0, most_pause)));
      first.signal(SIGKILL);
      if (first.wait().code == 0) continue;  // it was done before
      ++killed;
      const Outcome resumed = resume("killed");
      ASSERT_EQ(resumed.code, 0) << resumed.err;
      EXPECT_TRUE(result_of(path("killed")) == expected) << "kill " << killed;
    }
    EXPECT_EQ(killed, kills);
  }

  const TemporaryDirectory folder_;
  const std::string root_ = test::tiny_mnist(folder_, 300, 40);
  double seconds_ = 0;  ///< that the undisturbed run took
};

TEST_F(Determinism, HoldsAtAnyNumberOfThreadsAndWorkers) {
  const Result expected = undisturbed();
  ASSERT_GT(expected.weights.size(), 1000u);
  const int repetitions = long_tests() ? 3 : 1;
  for (int i = 0; i < repetitions; ++i) {
    for (const std::string threads : {"1", "2", "3", "8"}) {
      const std::string run = "threads" + threads + "-" + std::to_string(i);
      const Outcome o =
          run_program(folder_, arguments(run, {"--threads", threads, "--workers", threads == "3" ? "0" : threads}));
      ASSERT_EQ(o.code, 0) << o.err;
      EXPECT_TRUE(result_of(path(run)) == expected) << threads << " threads";
    }
  }
}

TEST_F(Determinism, OtherSeedsGiveOtherWeights) {
  const Result expected = undisturbed();
  ASSERT_EQ(run_program(folder_, arguments("other", {"--seed", "4"})).code, 0);
  EXPECT_NE(result_of(path("other")).weights, expected.weights);
}

TEST_F(Determinism, SurvivesBeingKilledAtAnyMoment) {
  const Result expected = undisturbed();
  Random random({2026, Purpose::test});
  const int kills = long_tests() ? 30 : 6;
  int killed = 0;
  for (int attempt = 0; attempt < 20 * kills && killed < kills; ++attempt) {
    fs::remove_all(path("killed"));
    const test::Program first(folder_, arguments("killed"));
    ::usleep(static_cast<useconds_t>(random.uniform(0, 1e6 * seconds_)));
    first.signal(SIGKILL);
    if (first.wait().code == 0) continue;                   // it was done before
    if (!fs::exists(path("killed/config.json"))) continue;  // it had not begun
    ++killed;
    const Outcome o = resume("killed");
    ASSERT_EQ(o.code, 0) << o.err;
    EXPECT_TRUE(result_of(path("killed")) == expected) << "kill " << killed;
  }
  EXPECT_EQ(killed, kills);
}

/// Everything of a schedule that has a state: masks, thresholds fixed at the first call, unmasked copies, movement,
/// masks that grow, weights to go back to.
constexpr const char* kSchedule = R"(pruners:
  gradual: {class: AutomatedGradualPruner, initial_sparsity: 0.1, final_sparsity: 0.8, weights: [fc2.weight]}
  surgery: {class: SplicingPruner, low_thresh_mult: 0.9, hi_thresh_mult: 1.1, sensitivities: {conv1.weight: 0.3}}
  grown: {class: RigLPruner, desired_sparsity: 0.7, update_fraction: 0.3, weights: [conv2.weight]}
  moving: {class: MovementPruner, desired_sparsity: 0.4, weights: [fc3.weight]}
regularizers:
  rows: {class: GroupLassoRegularizer, reg_regims: {fc1.weight: [0.01, Rows]}, threshold_criteria: Mean_Abs}
extensions:
  rewind: {class: WeightRewinder, rewind_to: 0, weights: ['fc*.weight']}
policies:
  - {pruner: {instance_name: gradual, args: {mini_batch_pruning_frequency: 2}}, starting_epoch: 0, ending_epoch: 2, frequency: 1}
  - {pruner: {instance_name: surgery, args: {mask_on_forward_only: true, use_double_copies: true, mini_batch_pruning_frequency: 3, keep_mask: true}}, starting_epoch: 0, ending_epoch: 2, frequency: 1}
  - {pruner: {instance_name: grown, args: {mini_batch_pruning_frequency: 2}}, starting_epoch: 0, ending_epoch: 2, frequency: 1}
  - {pruner: {instance_name: moving, args: {mini_batch_pruning_frequency: 4}}, starting_epoch: 0, ending_epoch: 2, frequency: 1}
  - {regularizer: {instance_name: rows, args: {keep_mask: true}}, starting_epoch: 0, ending_epoch: 2, frequency: 1}
  - {extension: {instance_name: rewind}, epochs: [1]}
)";

/// Thins after its second epoch of three: what follows trains a network of other shapes.
constexpr const char* kThinningSchedule = R"(pruners:
  filters: {class: L1RankedStructureParameterPruner, group_type: Filters, desired_sparsity: 0.5, weights: ['conv*.weight']}
extensions:
  thin: {class: FilterRemover}
policies:
  - {pruner: {instance_name: filters}, epochs: [0]}
  - {extension: {instance_name: thin}, epochs: [1]}
)";

TEST_F(Determinism, SurvivesBeingKilledInTheMiddleOfASchedule) {
  for (const char* const schedule : {kSchedule, kThinningSchedule}) {
    test::write_text(path("schedule.yaml"), schedule);
    const Arguments more = {"--compress", path("schedule.yaml"), "--checkpoint-steps", "1", "--threads", "1"};
    fs::remove_all(path("pruned"));
    const Outcome o = run_program(folder_, arguments("pruned", more));
    ASSERT_EQ(o.code, 0) << o.err;
    const Result expected = result_of(path("pruned"));
    survive_kills(more, expected, long_tests() ? 30 : 6, 2e5);
  }
}

/// Training in whole numbers: shadows, learned steps and their momenta come back, too; and tracked ranges, and what is
/// frozen.
TEST_F(Determinism, SurvivesBeingKilledInTheMiddleOfQuantizedTraining) {
  undisturbed();
  const std::string start = path("start.train.safetensors");
  const std::vector<Arguments> methods = {
      {"--bits-weights", "4"},
      {"--bits-weights", "2", "--train-weights", "ternary", "--train-activations", "ema"},
      {"--bits-weights", "5", "--train-weights", "inq"}};
  for (const Arguments& method : methods) {
    const std::string trained = path("undisturbed/checkpoints/best.safetensors");
    Arguments quantize = {"quantize", "--model", "lenet5", "--weights", trained, "--data", "mnist", "--out", start};
    for (const Arguments& more :
         {Arguments{"--data-root", root_, "--calibration", "40", "--bits-activations", "4", "--keep-float", "--quiet"},
          method})
      quantize.insert(quantize.end(), more.begin(), more.end());
    const Outcome q = run_program(folder_, quantize);
    ASSERT_EQ(q.code, 0) << q.err;
    const Arguments more = {"--init", start, "--checkpoint-steps", "1", "--threads", "1", "--lr", "0.005"};
    fs::remove_all(path("quantized"));
    const Outcome o = run_program(folder_, arguments("quantized", more));
    ASSERT_EQ(o.code, 0) << o.err;
    const Result expected = result_of(path("quantized"));
    EXPECT_NE(expected.weights, test::read_bytes(start));
    survive_kills(more, expected, long_tests() ? 30 : 4, 1e5);
  }
}

TEST_F(Determinism, GoesOnAfterCtrlC) {
  const Result expected = undisturbed();
  for (const int signal : {SIGINT, SIGTERM}) {
    fs::remove_all(path("stopped"));
    Arguments slow = arguments("stopped");
    const test::Program first(folder_, slow);
    for (int i = 0; i < 30000 && !fs::exists(path("stopped/checkpoints/last.safetensors")); ++i) ::usleep(2000);
    first.signal(signal);
    const Outcome o = first.wait();
    if (o.code == 0) continue;  // too fast to be stopped
    EXPECT_EQ(o.code, 128 + signal) << o.err;
    EXPECT_NE(o.err.find("pith train --resume"), std::string::npos) << o.err;
    const Outcome resumed = resume("stopped");
    ASSERT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_TRUE(result_of(path("stopped")) == expected);
  }
}

TEST_F(Determinism, KeepsTheEndOfARunThatIsResumedWhenDone) {
  const Result expected = undisturbed();
  ASSERT_EQ(resume("undisturbed").code, 0);
  EXPECT_TRUE(result_of(path("undisturbed")) == expected);
}

}  // namespace
}  // namespace pith
