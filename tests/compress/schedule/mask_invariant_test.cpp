// The invariant of a pruned weight as a property: under any optimizer, momentum and weight decay, through schedules
// that prune, grow, release, rewind and regularize, a weight under a hard mask is exactly 0 whenever anybody can look,
// its gradient is 0, and the optimizer keeps nothing that could move it.
#include <gtest/gtest.h>

#include "autograd/ops/softmax_loss.h"
#include "compress/schedule/schedule_file.h"
#include "compress/schedule/scheduler.h"
#include "nn/layers/activation.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/layers/sequential.h"
#include "nn/optim/optimizer.h"
#include "tensor/random.h"

namespace pith::compress {
namespace {

constexpr int64_t kSteps = 4, kEpochs = 6;

std::unique_ptr<nn::Sequential> network() {
  auto net = std::make_unique<nn::Sequential>();
  net->add("conv1", std::make_unique<nn::Conv2d>(3, 8, nn::square(3)));
  net->add("bn1", std::make_unique<nn::BatchNorm2d>(8));
  net->add("relu1", std::make_unique<nn::ReLU>());
  net->add("conv2", std::make_unique<nn::Conv2d>(8, 8, nn::square(3)));
  net->add("relu2", std::make_unique<nn::ReLU>());
  net->add("flatten", std::make_unique<nn::Flatten>());
  net->add("fc", std::make_unique<nn::Linear>(8 * 36, 5));
  uint64_t item = 0;
  net->visit_parameters([&](const std::string&, nn::Parameter& p) {
    if (p.shape().rank() < 2) return;
    Tensor t = Tensor::empty(p.shape());
    fill_normal(t, 0, 0.2, {.seed = 9, .purpose = Purpose::test, .item = item++});
    p.load(t);
  });
  return net;
}

std::string policy(const std::string& pruner, const std::string& when, const std::string& args = "{}") {
  return "  - {pruner: {instance_name: " + pruner + ", args: " + args + "}, " + when + "}\n";
}
const std::string kFirst = "starting_epoch: 0, ending_epoch: 3, frequency: 1",
                  kSecond = "starting_epoch: 3, ending_epoch: 5, frequency: 1";

/// What prunes conv1, conv2 and fc in the first half, and what happens then.
struct Course {
  const char* name;
  std::string schedule;
};
std::vector<Course> courses() {
  const std::string fine =
      "pruners:\n  fine: {class: AutomatedGradualPruner, initial_sparsity: 0.2, final_sparsity: 0.8, weights: "
      "['conv*.weight', "
      "fc.weight]}\n";
  const std::string often = "{mini_batch_pruning_frequency: 2}";
  return {
      {"gradual", fine + "policies:\n" + policy("fine", kFirst, often)},
      {"grown",
       "pruners:\n  a: {class: RigLPruner, desired_sparsity: 0.7, update_fraction: 0.4, weights: ['conv*.weight']}\n"
       "  b: {class: SETPruner, desired_sparsity: 0.7, update_fraction: 0.4, weights: [fc.weight]}\npolicies:\n" +
           policy("a", kFirst, often) + policy("b", kFirst, often)},
      {"released and pruned again",
       fine +
           "  again: {class: L1RankedStructureParameterPruner, group_type: Filters, desired_sparsity: 0.5, weights: "
           "[conv1.weight, conv2.weight]}\nextensions:\n  open: {class: MaskReleaser, weights: ['conv*.weight', "
           "fc.weight]}\n"
           "policies:\n" +
           policy("fine", "epochs: [0, 1]", often) + "  - {extension: {instance_name: open}, epochs: [2]}\n" +
           policy("again", kSecond)},
      {"rewound",
       fine + "extensions:\n  back: {class: WeightRewinder, rewind_to: 0, weights: ['conv*', 'fc*']}\npolicies:\n" +
           policy("fine", kFirst) + "  - {extension: {instance_name: back}, epochs: [2, 4]}\n"},
      {"thresholded",
       "regularizers:\n  lasso: {class: GroupLassoRegularizer, reg_regims: {'conv*.weight': [0.15, Channels], "
       "fc.weight: [0.15, "
       "Rows]}, threshold_criteria: Mean_Abs}\npolicies:\n  - {regularizer: {instance_name: lasso, args: {keep_mask: "
       "true}}, " +
           kFirst + "}\n"},
      {"soft, then kept",
       fine + "policies:\n" + policy("fine", kFirst, "{mask_on_forward_only: true, keep_mask: true}")},
  };
}

std::vector<std::unique_ptr<nn::Optimizer>> optimizers(nn::Module& m) {
  std::vector<std::unique_ptr<nn::Optimizer>> all;
  all.push_back(nn::make_sgd(m, {.weight_decay = 0.01}));
  all.push_back(nn::make_sgd(m, {.momentum = 0.9, .weight_decay = 0.01}));
  all.push_back(nn::make_sgd(m, {.momentum = 0.9, .dampening = 0, .weight_decay = 0.01, .nesterov = true}));
  all.push_back(nn::make_adam(m, {.weight_decay = 0.01}));
  all.push_back(nn::make_adam(m, {.weight_decay = 0.1, .decoupled = true}));
  return all;
}

void expect_zero_where_pruned(const std::string& name, const nn::Parameter& p, const Tensor& t, const char* what) {
  if (!p.mask() || !t.defined()) return;
  EXPECT_TRUE(is_zero_where_pruned(*p.mask(), t.contiguous())) << what << " of " << name;
}

/// Returns how many positions were seen pruned, so that a course that prunes nothing is no proof.
int64_t walk(const std::string& schedule_text, size_t which) {
  const auto model = network();
  const auto optimizer = std::move(optimizers(*model).at(which));
  const Schedule schedule = parse_schedule(schedule_text, "s.yaml");
  Scheduler scheduler(schedule, *model, {.epochs = kEpochs, .seed = 3});
  int64_t pruned = 0;
  const auto look = [&](const char* moment) {
    model->visit_parameters([&](const std::string& name, nn::Parameter& p) {
      expect_zero_where_pruned(name, p, p.value(), moment);
      if (p.mask()) pruned += p.mask()->numel() - p.mask()->kept();
    });
  };
  nn::Clock clock{0, 0, kSteps, kEpochs};
  for (; clock.epoch < kEpochs; ++clock.epoch) {
    scheduler.on_epoch_begin(clock);
    look("weights at the epoch's begin");
    for (clock.step = 0; clock.step < kSteps; ++clock.step) {
      scheduler.on_minibatch_begin(clock);
      look("weights before the forward pass");
      const uint64_t seed = static_cast<uint64_t>(clock.epoch * kSteps + clock.step);
      Tensor x = Tensor::empty({16, 3, 6, 6});
      fill_normal(x, 0, 1, {.seed = 5, .purpose = Purpose::test, .item = seed});
      std::vector<int32_t> labels(16);
      for (size_t i = 0; i < 16; ++i) labels[i] = static_cast<int32_t>((i + seed) % 5);
      model->clear_gradients();
      const Variable loss = softmax_cross_entropy(model->call(Variable(x)), Tensor::from(labels, {16}));
      scheduler.before_backward(clock);
      loss.backward();
      model->visit_parameters([](const std::string& name, nn::Parameter& p) {
        expect_zero_where_pruned(name, p, p.gradient(), "gradient");
      });
      scheduler.before_step(clock);
      optimizer->step(0.05);
      look("weights behind the step");
      optimizer->visit_state([&](const std::string& state, Tensor& t) {
        model->visit_parameters([&](const std::string& name, nn::Parameter& p) {
          if (state.starts_with(name + ".")) expect_zero_where_pruned(name, p, t, "optimizer state");
        });
      });
      scheduler.on_minibatch_end(clock);
      look("weights behind the minibatch");
    }
    clock.step = kSteps - 1;
    scheduler.on_epoch_end(clock);
    look("weights at the epoch's end");
  }
  return pruned;
}

TEST(MaskInvariant, HoldsUnderEveryOptimizerThroughEveryCourse) {
  for (const Course& course : courses())
    for (size_t which = 0; which < 5; ++which) {
      SCOPED_TRACE(std::string(course.name) + ", optimizer " + std::to_string(which));
      EXPECT_GT(walk(course.schedule, which), 500);
      if (testing::Test::HasFailure()) return;
    }
}

}  // namespace
}  // namespace pith::compress
