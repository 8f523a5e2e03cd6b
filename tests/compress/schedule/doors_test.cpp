// Methods that need a door of the program that trains: curvature, reconstruction, greedy pruning, hybrid ranking.
#include "compress/schedule/doors.h"

#include <gtest/gtest.h>

#include <cmath>

#include "autograd/ops/arithmetic.h"
#include "autograd/ops/softmax_loss.h"
#include "compress/schedule/curvature.h"
#include "compress/schedule/schedule_file.h"
#include "compress/schedule/scheduler.h"
#include "nn/layers/activation.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/layers/sequential.h"
#include "tensor/error.h"
#include "tensor/random.h"
#include "tests/support/files.h"

namespace pith::compress {
namespace {

Tensor normal(const Shape& shape, uint64_t item, double deviation = 1) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, deviation, {.seed = 40, .item = item});
  return t;
}

/// conv1 [6, 3, 3, 3] - ReLU - conv2 [4, 6, 3, 3] - ReLU - flatten - fc [5, 4 * 36].
std::unique_ptr<nn::Sequential> network() {
  auto net = std::make_unique<nn::Sequential>();
  net->add("conv1", std::make_unique<nn::Conv2d>(3, 6, nn::square(3)));
  net->add("relu1", std::make_unique<nn::ReLU>());
  net->add("conv2", std::make_unique<nn::Conv2d>(6, 4, nn::square(3)));
  net->add("relu2", std::make_unique<nn::ReLU>());
  net->add("flatten", std::make_unique<nn::Flatten>());
  net->add("fc", std::make_unique<nn::Linear>(4 * 36, 5));
  uint64_t item = 0;
  net->visit_parameters([&](const std::string&, nn::Parameter& p) { p.load(normal(p.shape(), item++, 0.2)); });
  return net;
}

nn::Parameter& parameter(nn::Module& model, const std::string& name) {
  nn::Parameter* found = nullptr;
  model.visit_parameters([&](const std::string& n, nn::Parameter& p) {
    if (n == name) found = &p;
  });
  if (found == nullptr) throw std::runtime_error("no " + name);
  return *found;
}

void backward(nn::Module& model) {
  std::vector<int32_t> labels(16);
  for (size_t i = 0; i < 16; ++i) labels[i] = static_cast<int32_t>(i % 5);
  softmax_cross_entropy(model.call(Variable(normal({16, 3, 6, 6}, 99))), Tensor::from(labels, {16})).backward();
}

/// One epoch of `steps` minibatches without any step of an optimizer.
void run(Scheduler& scheduler, nn::Module& model, int64_t steps = 1) {
  nn::Clock clock{0, 0, steps, 1};
  scheduler.on_epoch_begin(clock);
  for (; clock.step < steps; ++clock.step) {
    scheduler.on_minibatch_begin(clock);
    model.clear_gradients();
    backward(model);
    scheduler.before_backward(clock);
    scheduler.before_step(clock);
    scheduler.on_minibatch_end(clock);
  }
  clock.step = steps - 1;
  scheduler.on_epoch_end(clock);
}

std::string once(const std::string& pruner) {
  return "pruners:\n  it: " + pruner + "\npolicies:\n  - {pruner: {instance_name: it}, epochs: [0]}\n";
}

// Half the sum of a_i w_i^2 has the gradient a_i w_i and the Hessian diag(a), so H g = a_i^2 w_i.
TEST(Curvature, IsTheHessianTimesTheGradientOfAQuadraticForm) {
  nn::Linear layer(3, 1, nn::Linear::Bias::yes);
  layer.weight().load(Tensor::from(std::vector<float>{1, -2, 0.5F}, {1, 3}));
  layer.bias()->load(Tensor::from(std::vector<float>{7}, {1}));
  const Variable a(Tensor::from(std::vector<float>{3, 1, 2}, {1, 3}));
  const auto recompute = [&] {
    layer.clear_gradients();
    const Variable& w = layer.weight().variable();
    add(affine(sum(mul(a, mul(w, w))), 0.5), sum(layer.bias()->variable())).backward();
  };
  recompute();
  const Bound bound[] = {{"weight", &layer.weight()}};
  const std::vector<Tensor> product = curvature_of(bound, layer, recompute);
  const std::vector<double> found = product.at(0).to_vector<double>(), expected = {9, -2, 2};
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(found[i], expected[i], 0.01 * std::abs(expected[i])) << i;
  EXPECT_EQ(layer.weight().value().to_vector<float>(), (std::vector<float>{1, -2, 0.5F}));
  EXPECT_EQ(layer.weight().gradient().to_vector<float>(), (std::vector<float>{3, -2, 1}));
  EXPECT_EQ(layer.bias()->gradient().to_vector<float>(), (std::vector<float>{1}));
}

TEST(GraSP, PrunesToItsLevelAndLeavesWeightsAndGradientsAlone) {
  const auto model = network();
  Doors doors;
  doors.recompute = [&] {
    model->clear_gradients();
    backward(*model);
  };
  const Schedule s = parse_schedule(
      once("{class: GlobalPruner, criterion: grasp, desired_sparsity: 0.5, weights: ['conv*.weight', fc.weight]}"),
      "s.yaml");
  Scheduler scheduler(s, *model, {.epochs = 1, .doors = doors});
  const auto other = network();
  backward(*other);
  run(scheduler, *model);
  int64_t weights = 0, kept = 0;
  for (const MaskRow& row : scheduler.masks()) {
    weights += row.weights;
    kept += row.kept;
  }
  EXPECT_EQ(weights - kept, weights / 2);
  for (const char* name : {"conv1.weight", "conv2.weight", "fc.weight", "fc.bias"}) {
    const nn::Parameter &p = parameter(*model, name), &q = parameter(*other, name);
    EXPECT_EQ(p.gradient().to_vector<float>(), q.gradient().to_vector<float>()) << name;
    const std::vector<float> now = p.value().to_vector<float>(), before = q.value().to_vector<float>();
    for (size_t i = 0; i < now.size(); ++i) {
      const bool stays = !p.mask() || p.mask()->keeps(static_cast<int64_t>(i));
      EXPECT_EQ(now[i], stays ? before[i] : 0) << name << " " << i;
    }
  }
}

// A channel that is a multiple of another costs nothing once the rest is fitted.
TEST(FeatureMapReconstruction, RefitsWhatIsKept) {
  const auto model = network();
  Tensor w = parameter(*model, "conv1.weight").value().clone();
  for (int64_t i = 0; i < 27; ++i)
    w.mutable_data<float>()[27 + i] = 2 * w.data<float>()[i];  // channel 1 = 2 x channel 0
  parameter(*model, "conv1.weight").load(w);
  Tensor v = parameter(*model, "conv2.weight").value().clone();
  for (int64_t o = 0; o < 4; ++o)
    for (int64_t i = 0; i < 9; ++i) v.mutable_data<float>()[(o * 6) * 9 + i] *= 0.1F;  // channel 0 is the weakest
  parameter(*model, "conv2.weight").load(v);
  const Variable x(normal({16, 3, 6, 6}, 99));
  const std::vector<float> before = model->call(x).value().to_vector<float>();
  const Schedule s = parse_schedule(
      once("{class: FMReconstructionChannelPruner, desired_sparsity: 0.17, weights: [conv2.weight]}"), "s.yaml");
  Scheduler scheduler(s, *model, {.epochs = 1});
  run(scheduler, *model, 3);
  const nn::Parameter& p = parameter(*model, "conv2.weight");
  ASSERT_TRUE(p.mask());
  EXPECT_EQ(p.mask()->kept(), 4 * 5 * 9);
  for (int64_t o = 0; o < 4; ++o) EXPECT_FALSE(p.mask()->keeps(o * 54));
  // Channel 1 took over: w1' = w1 + w0 / 2.
  for (int64_t o = 0; o < 4; ++o)
    for (int64_t i = 0; i < 9; ++i)
      EXPECT_NEAR(p.value().data<float>()[o * 54 + 9 + i],
                  v.data<float>()[o * 54 + 9 + i] + v.data<float>()[o * 54 + i] / 2, 2e-3);
  const std::vector<float> after = model->call(x).value().to_vector<float>();
  for (size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(after[i], before[i], 0.02);
}

// The judge likes conv1's filters and does not care for conv2's: only conv2 is pruned, down to the budget.
TEST(GreedyPruning, TakesFromTheLayerThatHurtsLeast) {
  const auto model = network();
  int64_t asked = 0;
  Doors doors;
  doors.macs = {{"conv1.weight", 36}, {"conv2.weight", 36}, {"fc.weight", 1}};  // dense: 5,832 + 7,776 + 720 = 14,328
  doors.judge = [&] {
    ++asked;
    const auto& mask = parameter(*model, "conv1.weight").mask();
    return mask ? mask->density() : 1;
  };
  const Schedule s = parse_schedule(
      once("{class: GreedyFilterPruner, macs: 0.7, step: 0.25, weights: [conv1.weight, conv2.weight]}"), "s.yaml");
  Scheduler scheduler(s, *model, {.epochs = 1, .doors = doors});
  const std::vector<float> before = parameter(*model, "conv1.weight").value().to_vector<float>();
  run(scheduler, *model);
  // One filter of conv2 is 1,944 MACs: 14,328 -> 12,384 -> 10,440 -> 8,496; 0.7 of it are 10,029.6.
  EXPECT_EQ(parameter(*model, "conv2.weight").mask()->kept(), 54);
  EXPECT_EQ(parameter(*model, "conv1.weight").mask()->kept(), 6 * 27);
  EXPECT_EQ(parameter(*model, "conv1.weight").value().to_vector<float>(), before);
  EXPECT_EQ(asked, 6);  // two candidates a round
}

TEST(Doors, AreAskedForAtTheScheduleLine) {
  const auto model = network();
  const struct {
    const char *pruner, *says;
  } needs[] = {
      {"{class: GlobalPruner, criterion: grasp, desired_sparsity: 0.5, weights: [fc.weight]}",
       "s.yaml:4: 'it': needs a program that can run a minibatch again"},
      {"{class: GreedyFilterPruner, macs: 0.7, weights: [conv1.weight]}",
       "s.yaml:4: 'it': needs a program that judges a network"},
  };
  for (const auto& n : needs) {
    const Schedule s = parse_schedule(once(n.pruner), "s.yaml");
    const std::string message = test::message_of<FormatError>([&] { Scheduler(s, *model, {.epochs = 1}); });
    EXPECT_NE(message.find(n.says), std::string::npos) << message;
  }
}

/// conv [4, 3, 3, 3] - bn, conv2 [2, 4, 3, 3] - bn2.
std::unique_ptr<nn::Sequential> normalized_network() {
  auto net = std::make_unique<nn::Sequential>();
  net->add("conv1", std::make_unique<nn::Conv2d>(3, 4, nn::square(3)));
  net->add("bn1", std::make_unique<nn::BatchNorm2d>(4));
  net->add("conv2", std::make_unique<nn::Conv2d>(4, 2, nn::square(3)));
  net->add("bn2", std::make_unique<nn::BatchNorm2d>(2));
  net->add("flatten", std::make_unique<nn::Flatten>());
  net->add("fc", std::make_unique<nn::Linear>(2 * 36, 5));
  uint64_t item = 0;
  net->visit_parameters([&](const std::string&, nn::Parameter& p) { p.load(normal(p.shape(), item++, 0.2)); });
  return net;
}

// 27 weights a filter of conv1, 36 of conv2; 180 in all, of which 0.4 are 72. By |gamma| filter 2 of conv1 goes first
// (27), then filter 1 of conv2 (63); the next, 27 more, would exceed it.
TEST(NetworkSlimming, RanksFiltersOfAllLayersByTheirScales) {
  const auto model = normalized_network();
  parameter(*model, "bn1.weight").load(Tensor::from(std::vector<float>{0.5F, -3, 0.01F, 0.4F}, {4}));
  parameter(*model, "bn2.weight").load(Tensor::from(std::vector<float>{-2, 0.02F}, {2}));
  const Schedule s = parse_schedule(
      once("{class: ScaleRankedFilterPruner, desired_sparsity: 0.4, scales: {conv: bn}, weights: ['conv*.weight']}"),
      "s.yaml");
  Scheduler scheduler(s, *model, {.epochs = 1});
  run(scheduler, *model);
  const auto &first = parameter(*model, "conv1.weight").mask(), &second = parameter(*model, "conv2.weight").mask();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->kept(), 3 * 27);
  EXPECT_FALSE(first->keeps(2 * 27));
  EXPECT_EQ(second->kept(), 36);
  EXPECT_FALSE(second->keeps(36));
}

TEST(NetworkSlimming, RefusesScalesThatAreNotThere) {
  const auto model = normalized_network();
  const struct {
    const char *scales, *says;
  } mistakes[] = {
      {"{conv: norm}", "conv1.weight is judged by norm1.weight, which the model does not have"},
      {"{convolution: bn}", "no rule of scales speaks of conv1.weight"},
      {"{conv1: bn2}", "which has another number of outputs"},
  };
  for (const auto& m : mistakes) {
    const Schedule s =
        parse_schedule(once(std::string("{class: ScaleRankedFilterPruner, desired_sparsity: 0.4, scales: ") + m.scales +
                            ", weights: [conv1.weight]}"),
                       "s.yaml");
    const std::string message = test::message_of<FormatError>([&] { Scheduler(s, *model, {.epochs = 1}); });
    EXPECT_NE(message.find(m.says), std::string::npos) << message;
  }
}

TEST(HybridMethod, LetsCriteriaVote) {
  // By norm alone the first filter of conv1 goes, by activation (its ReLU never fires) the second.
  for (const auto& [l1, apoz, gone] : {std::tuple{1.0, 0.0, 0}, std::tuple{0.0, 1.0, 1}, std::tuple{0.1, 1.0, 1}}) {
    const auto model = network();
    Tensor w = parameter(*model, "conv1.weight").value().clone();
    for (int64_t i = 0; i < 27; ++i) w.mutable_data<float>()[i] *= 0.01F;
    parameter(*model, "conv1.weight").load(w);
    const Schedule s =
        parse_schedule(once("{class: HybridRankedStructureParameterPruner, group_type: Filters, desired_sparsity: "
                            "0.17, criteria: {l1: " +
                            std::to_string(l1) + ", apoz: " + std::to_string(apoz) + "}, weights: [conv1.weight]}"),
                       "s.yaml");
    Tensor second = parameter(*model, "conv1.weight").value().clone();
    for (int64_t i = 0; i < 27; ++i) second.mutable_data<float>()[27 + i] = 0.5F * (i % 2 == 0 ? 1.0F : -1.0F);
    parameter(*model, "conv1.weight").load(second);
    Scheduler scheduler(s, *model, {.epochs = 1});
    // The second filter sees a shift that its ReLU never lets through.
    nn::Conv2d* conv = nullptr;
    model->visit_modules([&](const std::string& name, nn::Module& m) {
      if (name == "conv1") conv = dynamic_cast<nn::Conv2d*>(&m);
    });
    conv->set_bias(Tensor::from(std::vector<float>{0, -100, 0, 0, 0, 0}, {6}));
    run(scheduler, *model, 3);
    const nn::Parameter& p = parameter(*model, "conv1.weight");
    ASSERT_TRUE(p.mask());
    EXPECT_EQ(p.mask()->kept(), 5 * 27);
    EXPECT_FALSE(p.mask()->keeps(gone * 27)) << l1 << " " << apoz;
  }
}

}  // namespace
}  // namespace pith::compress
