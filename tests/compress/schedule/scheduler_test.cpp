// The scheduler in a training loop of the test's own: a small network, drawn numbers, a few epochs.
#include "compress/schedule/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "autograd/ops/softmax_loss.h"
#include "compress/schedule/schedule_file.h"
#include "nn/init.h"
#include "nn/layers/activation.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/layers/sequential.h"
#include "nn/optim/optimizer.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace pith::compress {
namespace {

constexpr int64_t kSteps = 4;

/// conv1 [8, 3, 3, 3] - ReLU - conv2 [8, 8, 3, 3] - ReLU - flatten - fc [5, 8 * 36].
std::unique_ptr<nn::Sequential> network() {
  auto net = std::make_unique<nn::Sequential>();
  net->add("conv1", std::make_unique<nn::Conv2d>(3, 8, nn::square(3)));
  net->add("relu1", std::make_unique<nn::ReLU>());
  net->add("conv2", std::make_unique<nn::Conv2d>(8, 8, nn::square(3)));
  net->add("relu2", std::make_unique<nn::ReLU>());
  net->add("flatten", std::make_unique<nn::Flatten>());
  net->add("fc", std::make_unique<nn::Linear>(8 * 36, 5));
  net->visit_parameters([&, i = 0](const std::string& name, nn::Parameter& p) mutable {
    Tensor t = Tensor::empty(p.shape());
    fill_normal(t, 0, 0.2, {.seed = 9, .purpose = Purpose::test, .item = static_cast<uint64_t>(i++)});
    p.load(t);
    static_cast<void>(name);
  });
  return net;
}

/// A run that can be stopped between any two steps and gone on with.
class Training {
 public:
  Training(const std::string& schedule, int64_t epochs) : Training(parse_schedule(schedule, "s.yaml"), epochs) {}
  Training(Schedule schedule, int64_t epochs)
      : schedule_(std::move(schedule)),
        clock_{0, 0, kSteps, epochs},
        scheduler_(schedule_, *model_, {.epochs = epochs, .seed = 3}) {}

  nn::Parameter& parameter(const std::string& name) {
    nn::Parameter* found = nullptr;
    model_->visit_parameters([&](const std::string& n, nn::Parameter& p) {
      if (n == name) found = &p;
    });
    if (found == nullptr) throw std::runtime_error("no " + name);
    return *found;
  }
  double sparsity(const std::string& name) {
    const auto& mask = parameter(name).mask();
    return mask ? mask->sparsity() : 0;
  }
  Scheduler& scheduler() { return scheduler_; }
  const nn::Clock& clock() const { return clock_; }
  double penalty() const { return penalty_; }
  nn::Sequential& model() { return *model_; }

  /// One step of the loop in compress/schedule/scheduler.h; at its end the epoch's, too.
  void step() {
    if (clock_.step == 0) scheduler_.on_epoch_begin(clock_);
    scheduler_.on_minibatch_begin(clock_);
    const int64_t seed = clock_.epoch * kSteps + clock_.step;
    Tensor x = Tensor::empty({16, 3, 6, 6});
    fill_normal(x, 0, 1, {.seed = 5, .purpose = Purpose::test, .item = static_cast<uint64_t>(seed)});
    std::vector<int32_t> labels(16);
    for (size_t i = 0; i < 16; ++i) labels[i] = static_cast<int32_t>((i + static_cast<size_t>(seed)) % 5);
    const Variable loss = softmax_cross_entropy(model_->call(Variable(x)), Tensor::from(labels, {16}));
    penalty_ = scheduler_.before_backward(clock_);
    loss.backward();
    scheduler_.before_step(clock_);
    optimizer_->step(0.05);
    scheduler_.on_minibatch_end(clock_);
    model_->clear_gradients();
    if (++clock_.step < kSteps) return;
    scheduler_.on_epoch_end(clock_);
    clock_.step = 0;
    ++clock_.epoch;
  }
  void epoch() {
    do step();
    while (clock_.step != 0);
  }
  bool done() const { return clock_.epoch == clock_.epochs; }

  /// Values and masks of every parameter: what a checkpoint holds of the model.
  void go_on_from(Training& other) {
    other.model_->visit_parameters([&](const std::string& name, nn::Parameter& p) {
      parameter(name).set_mask(p.mask());
      parameter(name).load(p.value().clone());
    });
    std::map<std::string, Tensor> momenta;
    other.optimizer_->visit_state([&](const std::string& name, Tensor& t) { momenta[name] = t.clone(); });
    optimizer_->visit_state([&](const std::string& name, Tensor& t) { t.copy_from(momenta.at(name)); });
    optimizer_->set_steps(other.optimizer_->steps());
    State copied;
    for (const auto& [name, t] : other.scheduler_.state()) copied[name] = t.clone();
    scheduler_.set_state(copied);
    clock_ = other.clock_;
  }
  std::vector<float> everything() {
    std::vector<float> all;
    model_->visit_parameters([&](const std::string&, nn::Parameter& p) {
      for (const float v : p.value().to_vector<float>()) all.push_back(v);
      if (p.mask())
        for (const float v : p.mask()->to_tensor(DType::f32).to_vector<float>()) all.push_back(v);
    });
    return all;
  }

 private:
  Schedule schedule_;
  std::unique_ptr<nn::Sequential> model_ = network();
  std::unique_ptr<nn::Optimizer> optimizer_ = nn::make_sgd(*model_, {.momentum = 0.9, .weight_decay = 1e-3});
  nn::Clock clock_;
  Scheduler scheduler_;
  double penalty_ = 0;
};

/// A schedule with one pruner.
std::string pruner(const std::string& settings, const std::string& when, const std::string& args = "") {
  return "pruners: {p: {" + settings + "}}\npolicies:\n  - pruner: {instance_name: p" +
         (args.empty() ? "" : ", args: {" + args + "}") + "}\n    " + when + "\n";
}
const std::string kAll = "starting_epoch: 0\n    ending_epoch: 6\n    frequency: 1";

TEST(Scheduler, PrunesGraduallyAndKeepsWhatIsPrunedAtZero) {
  Training run(
      pruner("class: AutomatedGradualPruner, initial_sparsity: 0.2, final_sparsity: 0.8, weights: [conv2.weight]",
             "starting_epoch: 1\n    ending_epoch: 4\n    frequency: 1"),
      6);
  std::vector<double> levels;
  while (!run.done()) {
    run.step();
    if (run.parameter("conv2.weight").mask()) {
      EXPECT_TRUE(is_zero_where_pruned(*run.parameter("conv2.weight").mask(), run.parameter("conv2.weight").value()));
    }
    if (run.clock().step == 0) levels.push_back(run.sparsity("conv2.weight"));
  }
  ASSERT_EQ(levels.size(), 6u);
  EXPECT_EQ(levels[0], 0);
  EXPECT_NEAR(levels[1], 0.2, 2e-3);
  EXPECT_NEAR(levels[2], 0.725, 2e-3);
  EXPECT_NEAR(levels[3], 0.8, 2e-3);
  EXPECT_EQ(levels[5], levels[3]);  // a hard mask stays behind its policy
  EXPECT_EQ(run.sparsity("conv1.weight"), 0);
}

TEST(Scheduler, AsksInTheMinibatchesThatTheFrequencyNames) {
  Training run(pruner("class: MagnitudeParameterPruner, thresholds: {conv2.weight: 0.1}", "epochs: [0, 1]",
                      "mini_batch_pruning_frequency: 3"),
               3);
  std::vector<const Mask*> masks;
  for (int i = 0; i < 8; ++i) {
    run.step();
    masks.push_back(run.parameter("conv2.weight").mask().get());
  }
  for (const int same : {1, 2, 5, 7}) EXPECT_EQ(masks[same], masks[same - 1]) << same;
  for (const int fresh : {3, 4, 6}) EXPECT_NE(masks[fresh], masks[fresh - 1]) << fresh;
}

TEST(Scheduler, LetsASoftlyPrunedWeightComeBack) {
  const std::string settings =
      "class: SplicingPruner, sensitivities: {conv2.weight: 0.1}, low_thresh_mult: 0.9, "
      "hi_thresh_mult: 1.1";
  Training run(pruner(settings, kAll,
                      "mask_on_forward_only: true, use_double_copies: true, keep_mask: true, "
                      "mini_batch_pruning_frequency: 1"),
               7);
  int64_t revived = 0;
  std::shared_ptr<const Mask> before;
  for (int64_t e = 0; e < 6; ++e) {
    run.epoch();
    const auto mask = run.parameter("conv2.weight").mask();
    ASSERT_TRUE(mask) << "whoever evaluates sees the masked network";
    EXPECT_TRUE(is_zero_where_pruned(*mask, run.parameter("conv2.weight").value()));
    for (int64_t i = 0; before && i < mask->numel(); ++i) revived += mask->keeps(i) && !before->keeps(i);
    before = mask;
  }
  EXPECT_GT(revived, 0);
  run.epoch();  // behind the policy: kept, hard
  EXPECT_EQ(run.parameter("conv2.weight").mask(), before);
}

TEST(Scheduler, MovesTheWeightsAsTheyWereBeforeASoftMask) {
  const std::string settings = "class: SparsityLevelParameterPruner, levels: {conv2.weight: 0.5}";
  const std::string soft = "mask_on_forward_only: true, use_double_copies: true";
  Training run(pruner(settings, "epochs: [0]", soft), 2);
  const std::vector<float> start = run.parameter("conv2.weight").value().to_vector<float>();
  run.step();
  const std::vector<float> moved = run.parameter("conv2.weight").value().to_vector<float>();
  for (size_t i = 0; i < start.size(); ++i) EXPECT_NEAR(moved[i], start[i], 0.2) << i;  // none fell to 0 by masking
  EXPECT_EQ(std::count(moved.begin(), moved.end(), 0.0F), 0);
  run.epoch();
  EXPECT_FALSE(run.parameter("conv2.weight").mask()) << "without keep_mask a soft mask goes with its policy";
}

TEST(Scheduler, DrawsNewFiltersForEveryMinibatchAndForgetsThem) {
  Training run(
      pruner("class: BernoulliFilterPruner, desired_sparsity: 0.5, group_type: Filters, weights: [conv2.weight]", kAll,
             "mask_on_forward_only: true, use_double_copies: true, discard_masks_at_minibatch_end: true, "
             "mini_batch_pruning_frequency: 1"),
      6);
  while (!run.done()) {
    run.step();
    EXPECT_FALSE(run.parameter("conv2.weight").mask());
    const std::vector<float> w = run.parameter("conv2.weight").value().to_vector<float>();
    EXPECT_EQ(std::count(w.begin(), w.end(), 0.0F), 0);
  }
}

TEST(Scheduler, GrowsWhereTheDenseGradientIsLarge) {
  Training run(
      pruner("class: RigLPruner, desired_sparsity: 0.8, weights: [conv2.weight, fc.weight], allocation: uniform", kAll),
      6);
  run.epoch();
  const auto first = run.parameter("conv2.weight").mask();
  ASSERT_TRUE(first);
  EXPECT_NEAR(first->sparsity(), 0.8, 2e-3);
  run.epoch();
  const auto second = run.parameter("conv2.weight").mask();
  EXPECT_EQ(second->kept(), first->kept());
  EXPECT_FALSE(*second == *first);
  run.epoch();
  run.epoch();
  run.epoch();
  const auto fifth = run.parameter("conv2.weight").mask();
  run.epoch();
  EXPECT_EQ(*run.parameter("conv2.weight").mask(), *fifth) << "the last update moves nothing";
}

TEST(Scheduler, GrowsWhileItPrunes) {
  Training run(
      pruner("class: RigLPruner, initial_sparsity: 0.5, final_sparsity: 0.9, curve: linear, allocation: uniform, "
             "weights: [conv2.weight, fc.weight]",
             kAll),
      6);
  const double levels[] = {0.5, 0.58, 0.66, 0.74, 0.82, 0.9};
  for (const double level : levels) {
    const auto before = run.parameter("conv2.weight").mask();
    run.epoch();
    const auto now = run.parameter("conv2.weight").mask();
    ASSERT_TRUE(now);
    EXPECT_EQ(now->numel() - now->kept(), static_cast<int64_t>(level * static_cast<double>(now->numel()) + 1e-6));
    if (!before) continue;
    int64_t grown = 0;
    for (int64_t i = 0; i < now->numel(); ++i) grown += now->keeps(i) && !before->keeps(i);
    EXPECT_EQ(grown > 0, level < 0.9) << "the last update only prunes";
  }
}

// GraNet's next mask: the level is met by all targets together, whatever each had at first; who keeps what is worked
// out anew from the weights before the update.
TEST(Scheduler, GrowsWhileItPrunesInOneRanking) {
  Training run(
      pruner("class: RigLPruner, initial_sparsity: 0.5, final_sparsity: 0.9, curve: linear, allocation: uniform, "
             "ranking: magnitude, weights: [conv2.weight, fc.weight]",
             kAll),
      6);
  const std::vector<std::string> names = {"conv2.weight", "fc.weight"};
  bool uneven = false;
  for (const double level : {0.5, 0.58, 0.66, 0.74, 0.82, 0.9}) {
    std::vector<std::pair<double, size_t>> sizes;
    for (size_t t = 0; t < names.size(); ++t)
      for (const float w : run.parameter(names[t]).value().to_vector<float>()) sizes.emplace_back(std::abs(w), t);
    std::sort(sizes.rbegin(), sizes.rend());
    const int64_t all = std::ssize(sizes), kept = all - static_cast<int64_t>(level * static_cast<double>(all) + 1e-6);
    const bool first = run.parameter(names[0]).mask() == nullptr;
    run.step();
    for (size_t t = 0; t < names.size(); ++t) {
      const auto mask = run.parameter(names[t]).mask();
      ASSERT_TRUE(mask);
      if (first) continue;
      const auto among =
          std::count_if(sizes.begin(), sizes.begin() + kept, [&](const auto& s) { return s.second == t; });
      EXPECT_EQ(mask->kept(), among) << names[t] << " at " << level;
      uneven |= std::abs(mask->sparsity() - level) > 0.01;
    }
    for (int64_t i = 1; i < kSteps; ++i) run.step();
  }
  EXPECT_TRUE(uneven) << "layers that all have the level are not ranked together";
}

TEST(Scheduler, RanksOnlyWhatALevelThatRisesTakes) {
  const std::string same = "class: RigLPruner, desired_sparsity: 0.8, ranking: lamp, weights: [conv2.weight]";
  EXPECT_THROW(Training(pruner(same, kAll), 6), FormatError);
}

TEST(Scheduler, PrunesByGradientsOfTheFirstMinibatch) {
  Training run(pruner("class: GlobalPruner, criterion: snip, desired_sparsity: 0.9, weights: ['*']", "epochs: [0]"), 1);
  EXPECT_FALSE(run.parameter("fc.weight").mask());
  run.step();
  int64_t kept = 0, all = 0;
  for (const MaskRow& row : run.scheduler().masks()) {
    kept += row.kept;
    all += row.weights;
  }
  EXPECT_EQ(all - kept, static_cast<int64_t>(0.9 * static_cast<double>(all)));
}

TEST(Scheduler, PrunesByActivationsItHasSeen) {
  Training run(pruner("class: ActivationAPoZRankedFilterPruner, desired_sparsity: 0.5, group_type: Filters, weights: "
                      "[conv1.weight]",
                      "epochs: [1]"),
               2);
  run.epoch();
  EXPECT_FALSE(run.model().is_tapped());
  run.step();
  EXPECT_TRUE(run.model().is_tapped());
  // A filter whose output is negative everywhere is zero everywhere.
  std::vector<float> w = run.parameter("conv1.weight").value().to_vector<float>();
  run.epoch();
  EXPECT_FALSE(run.model().is_tapped());
  EXPECT_EQ(run.parameter("conv1.weight").mask()->kept(), 4 * 27);
}

TEST(Scheduler, ImposesTheLeadersChoice) {
  Training run(pruner("class: L1RankedStructureParameterPruner, desired_sparsity: 0.5, group_type: Filters, "
                      "group_dependency: Leader, weights: [conv1.weight, conv2.weight]",
                      "epochs: [0]"),
               1);
  run.epoch();
  const auto leader = run.parameter("conv1.weight").mask(), other = run.parameter("conv2.weight").mask();
  for (int64_t f = 0; f < 8; ++f) EXPECT_EQ(leader->keeps(f * 27), other->keeps(f * 72)) << f;
}

TEST(Scheduler, AddsPenaltiesToLossAndGradient) {
  const std::string lasso =
      "regularizers: {r: {class: L1Regularizer, reg_regims: {fc.weight: 0.5}}}\npolicies:\n  - "
      "regularizer: {instance_name: r}\n    epochs: [0]\n";
  Training with(lasso, 2),
      without(pruner("class: MagnitudeParameterPruner, thresholds: {conv1.weight: 0}", "epochs: [1]"), 2);
  double sum = 0;
  for (const float v : with.parameter("fc.weight").value().to_vector<float>()) sum += std::abs(static_cast<double>(v));
  const std::vector<float> start = with.parameter("fc.weight").value().to_vector<float>();
  with.step();
  without.step();
  EXPECT_NEAR(with.penalty(), 0.5 * sum, 1e-6 * sum);
  const std::vector<float> a = with.parameter("fc.weight").value().to_vector<float>();
  const std::vector<float> b = without.parameter("fc.weight").value().to_vector<float>();
  for (size_t i = 0; i < a.size(); ++i)  // the first step of momentum is rate * gradient
    EXPECT_NEAR(b[i] - a[i], 0.05 * 0.5 * (start[i] > 0 ? 1 : -1), 1e-6) << i;
  EXPECT_EQ(without.penalty(), 0);
}

TEST(Scheduler, ThresholdsByTheRegularizerAndKeepsTheLastMask) {
  Training run(
      "regularizers: {r: {class: GroupLassoRegularizer, reg_regims: {conv2.weight: [0.15, 2D]}, threshold_criteria: "
      "Mean_Abs}}\npolicies:\n  - regularizer: {instance_name: r, args: {keep_mask: true}}\n    starting_epoch: 0\n"
      "    ending_epoch: 2\n    frequency: 1\n",
      3);
  run.step();
  EXPECT_FALSE(run.parameter("conv2.weight").mask());
  run.epoch();
  run.epoch();
  const auto mask = run.parameter("conv2.weight").mask();
  ASSERT_TRUE(mask);
  EXPECT_GT(mask->sparsity(), 0);
  EXPECT_EQ(mask->kept() % 9, 0);
  run.epoch();
  EXPECT_TRUE(is_zero_where_pruned(*mask, run.parameter("conv2.weight").value()));
}

const char* const kDenseSparseDense = R"(
pruners: {p: {class: SparsityLevelParameterPruner, levels: {conv2.weight: 0.5}}}
extensions: {e: {class: MaskReleaser, weights: [conv2.weight]}}
policies:
  - pruner: {instance_name: p}
    epochs: [0]
  - extension: {instance_name: e}
    epochs: [2]
)";

TEST(Scheduler, ReleasesMasks) {
  Training run(kDenseSparseDense, 3);
  run.epoch();
  run.epoch();
  EXPECT_NEAR(run.sparsity("conv2.weight"), 0.5, 1e-2);
  run.epoch();
  EXPECT_FALSE(run.parameter("conv2.weight").mask());
  const std::vector<float> w = run.parameter("conv2.weight").value().to_vector<float>();
  EXPECT_LT(std::count(w.begin(), w.end(), 0.0F), 10);  // and they move
}

const char* const kLotteryTicket = R"(
pruners: {p: {class: SparsityLevelParameterPruner, levels: {'*': 0.5}}}
extensions: {e: {class: WeightRewinder, weights: ['*'], rewind_to: 1}}
policies:
  - pruner: {instance_name: p}
    epochs: [3]
  - extension: {instance_name: e}
    epochs: [3]
)";

TEST(Scheduler, RewindsWhatTheTrainedWeightsChose) {
  Training run(kLotteryTicket, 4);
  run.epoch();
  const std::vector<float> early = run.parameter("conv2.weight").value().to_vector<float>();
  run.epoch();
  run.epoch();
  const std::vector<float> trained = run.parameter("conv2.weight").value().to_vector<float>();
  run.scheduler().on_epoch_begin(run.clock());
  run.scheduler().on_minibatch_begin(run.clock());
  const auto mask = run.parameter("conv2.weight").mask();
  ASSERT_TRUE(mask);
  const std::vector<float> now = run.parameter("conv2.weight").value().to_vector<float>();
  float largest_pruned = 0, smallest_kept = 1e9F;
  for (size_t i = 0; i < now.size(); ++i) {
    const bool kept = mask->keeps(static_cast<int64_t>(i));
    EXPECT_EQ(now[i], kept ? early[i] : 0) << i;
    (kept ? smallest_kept : largest_pruned) =
        kept ? std::min(smallest_kept, std::abs(trained[i])) : std::max(largest_pruned, std::abs(trained[i]));
  }
  EXPECT_LE(largest_pruned, smallest_kept);
}

TEST(Scheduler, GoesOnToTheSameBitsFromAnyStep) {
  const std::string soft = "mask_on_forward_only: true, use_double_copies: true, mini_batch_pruning_frequency: 3";
  const std::vector<std::string> schedules = {
      kDenseSparseDense,
      kLotteryTicket,
      pruner("class: AutomatedGradualPruner, initial_sparsity: 0, final_sparsity: 0.8, weights: [conv2.weight]", kAll),
      pruner("class: SensitivityPruner, sensitivities: {'*': 0.5}", kAll),
      pruner("class: SplicingPruner, sensitivities: {conv2.weight: 0.1, fc.weight: 0.3}, low_thresh_mult: 0.9, "
             "hi_thresh_mult: 1.1",
             kAll, soft),
      pruner("class: BernoulliFilterPruner, desired_sparsity: 0.5, group_type: Filters, weights: [conv2.weight]", kAll,
             soft),
      pruner("class: MovementPruner, initial_sparsity: 0, final_sparsity: 0.7, weights: ['*']", kAll),
      pruner("class: RigLPruner, desired_sparsity: 0.8, weights: ['*']", kAll),
      pruner("class: SETPruner, desired_sparsity: 0.8, weights: ['*']", kAll),
      pruner("class: ActivationMeanRankedFilterPruner_AGP, initial_sparsity: 0, final_sparsity: 0.5, group_type: "
             "Filters, weights: [conv1.weight, conv2.weight]",
             kAll),
  };
  for (const std::string& schedule : schedules) {
    Training whole(schedule, 6);
    while (!whole.done()) whole.step();
    const std::vector<float> expected = whole.everything();
    for (int64_t stop = 1; stop < 6 * kSteps; stop += 3) {
      Training before(schedule, 6), after(schedule, 6);
      for (int64_t i = 0; i < stop; ++i) before.step();
      after.go_on_from(before);
      while (!after.done()) after.step();
      EXPECT_EQ(after.everything(), expected) << schedule << "stopped after step " << stop;
    }
  }
}

TEST(Scheduler, RefusesAStateThatDoesNotFit) {
  Training run(kLotteryTicket, 4);
  EXPECT_THROW(run.scheduler().set_state({}), FormatError);
  State state = run.scheduler().state();
  state["policy 1/fc.weight/early"] = Tensor::zeros({2});
  EXPECT_THROW(run.scheduler().set_state(state), FormatError);
}

TEST(Scheduler, ListsEveryWeightAndItsMask) {
  Training run(pruner("class: NMPruner, n: 2, m: 4, weights: [conv2.weight]", "epochs: [0]"), 1);
  run.epoch();
  const std::vector<MaskRow> rows = run.scheduler().masks();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[1].name, "conv2.weight");
  EXPECT_EQ(rows[1].granularity, "n_of_m");
  EXPECT_EQ(rows[1].sparsity(), 0.5);
  EXPECT_EQ(rows[0].granularity, "");
}

}  // namespace
}  // namespace pith::compress
