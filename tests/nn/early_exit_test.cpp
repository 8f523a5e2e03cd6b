// Networks with exits: who leaves where, what it costs, and what they are trained on.
#include "nn/early_exit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "autograd/ops/softmax_loss.h"
#include "nn/graph.h"
#include "nn/models.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pith::nn {
namespace {

Tensor images(int64_t n, const Shape& image, DType dtype = DType::f32) {
  Tensor x = Tensor::empty({n, image[0], image[1], image[2]}, dtype);
  fill_normal(x, 0, 1, {.seed = 3});
  return x;
}

std::unique_ptr<Module> network(const std::string& name) {
  auto model = make_model(name, {.seed = 5});
  model->set_training(false);
  return model;
}
EarlyExits& exits(Module& model) { return dynamic_cast<EarlyExits&>(model); }

std::vector<float> row(const Tensor& logits, int64_t i) {
  return logits.narrow(0, i, 1).contiguous().to_vector<float>();
}
int64_t class_of(const std::vector<float>& logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

/// - sum p ln p, term by term.
double entropy(const std::vector<float>& logits) {
  double sum = 0, result = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x));
  for (const float x : logits) {
    const double p = std::exp(static_cast<double>(x)) / sum;
    result -= p * std::log(p);
  }
  return result;
}

/// Entropies of answer i for all images, and a threshold that no entropy is near: between the two about a third up
/// that lie furthest apart.
double threshold_in_a_gap(const Tensor& logits) {
  std::vector<double> sorted;
  for (int64_t i = 0; i < logits.shape()[0]; ++i) sorted.push_back(entropy(row(logits, i)));
  std::sort(sorted.begin(), sorted.end());
  size_t best = sorted.size() / 4;
  for (size_t i = best; i < sorted.size() / 2; ++i)
    if (sorted[i + 1] - sorted[i] > sorted[best + 1] - sorted[best]) best = i;
  EXPECT_GT(sorted[best + 1] - sorted[best], 1e-4);
  return (sorted[best] + sorted[best + 1]) / 2;
}

TEST(EarlyExit, KeepsEverybodyAtThresholdZeroAndAnswersAsThePlainNetwork) {
  const NoGradient inference;
  for (const std::string name : {"resnet20-cifar", "lenet5"}) {
    const auto early = network(name + "-earlyexit"), plain = network(name);
    std::map<std::string, Tensor> values;
    early->visit_parameters([&](const std::string& n, Parameter& p) { values[n] = p.value(); });
    plain->visit_parameters([&](const std::string& n, Parameter& p) {  // the same seed draws the same weights
      EXPECT_EQ(p.value().to_vector<float>(), values.at(n).to_vector<float>()) << n;
    });
    const Tensor x = images(20, model_info(name).input);
    const EarlyAnswers a =
        answer_early(exits(*early), x, std::vector<double>(static_cast<size_t>(exits(*early).answers() - 1), 0));
    for (const int64_t exit : a.exit) EXPECT_EQ(exit, exits(*early).answers() - 1);
    EXPECT_EQ(a.logits.to_vector<float>(), plain->call(Variable(x)).value().contiguous().to_vector<float>()) << name;
    EXPECT_EQ(a.logits.to_vector<float>(), early->call(Variable(x)).value().contiguous().to_vector<float>()) << name;
  }
}

TEST(EarlyExit, LetsEverybodyGoAtTheFirstExitBelowAHugeThreshold) {
  const NoGradient inference;
  const auto model = network("resnet20-cifar-earlyexit");
  const Tensor x = images(20, {3, 32, 32});
  const EarlyAnswers a = answer_early(exits(*model), x, std::vector<double>{1e9, 0});
  EXPECT_EQ(a.exit, std::vector<int64_t>(20, 0));
  EXPECT_EQ(a.logits.to_vector<float>(), answers_of(*model, Variable(x))[0].value().contiguous().to_vector<float>());
}

TEST(EarlyExit, MeasuresTheEntropyInNats) {
  const auto model = network("lenet5-earlyexit");
  model->visit_parameters([](const std::string& name, Parameter& p) {
    if (name.starts_with("exit1.fc")) p.load(Tensor::zeros(p.shape()));
  });
  const Tensor x = images(3, {1, 28, 28});
  const double most = std::log(10.0);  // of ten equal probabilities
  EXPECT_EQ(answer_early(exits(*model), x, std::vector<double>{most - 1e-6}).exit, (std::vector<int64_t>{1, 1, 1}));
  EXPECT_EQ(answer_early(exits(*model), x, std::vector<double>{most + 1e-6}).exit, (std::vector<int64_t>{0, 0, 0}));
}

TEST(EarlyExit, GivesEveryImageTheAnswerThatItHasAlone) {
  const NoGradient inference;
  const auto model = network("resnet20-cifar-earlyexit");
  constexpr int64_t kImages = 37;
  const Tensor x = images(kImages, {3, 32, 32});
  const std::vector<Variable> all = answers_of(*model, Variable(x));
  const std::vector<double> thresholds = {threshold_in_a_gap(all[0].value().contiguous()),
                                          threshold_in_a_gap(all[1].value().contiguous())};
  const EarlyAnswers whole = answer_early(exits(*model), x, thresholds);
  std::vector<int64_t> leavers(3, 0);
  for (int64_t i = 0; i < kImages; ++i) {
    const int64_t exit = whole.exit[static_cast<size_t>(i)];
    ++leavers[static_cast<size_t>(exit)];
    // By the definition: the first answer whose entropy is below its threshold.
    const auto sure = [&](size_t e) { return entropy(row(all[e].value().contiguous(), i)) < thresholds[e]; };
    EXPECT_EQ(exit, sure(0) ? 0 : sure(1) ? 1 : 2) << i;
    EXPECT_EQ(row(whole.logits, i), row(all[static_cast<size_t>(exit)].value().contiguous(), i)) << i;
    const EarlyAnswers alone = answer_early(exits(*model), x.narrow(0, i, 1).contiguous(), thresholds);
    EXPECT_EQ(alone.exit[0], exit) << i;
    EXPECT_EQ(class_of(row(alone.logits, 0)), class_of(row(whole.logits, i))) << i;
    for (size_t c = 0; c < 10; ++c) EXPECT_NEAR(row(alone.logits, 0)[c], row(whole.logits, i)[c], 1e-4) << i;
  }
  for (const int64_t count : leavers) EXPECT_GT(count, 2);  // else nothing is shown
}

TEST(EarlyExit, GivesTheSameBitsInBatchesOfAnySizeFromSixteenOnAndOnAnyThreads) {
  const NoGradient inference;
  const auto model = network("resnet20-cifar-earlyexit");
  const Tensor x = images(80, {3, 32, 32});
  const std::vector<Variable> all = answers_of(*model, Variable(x));
  const std::vector<double> thresholds = {threshold_in_a_gap(all[0].value().contiguous()),
                                          threshold_in_a_gap(all[1].value().contiguous())};
  const EarlyAnswers whole = answer_early(exits(*model), x, thresholds);
  for (const int64_t exit : {0, 1, 2}) EXPECT_GT(std::count(whole.exit.begin(), whole.exit.end(), exit), 0) << exit;
  const int before = threads();
  for (const int64_t size : {16, 20, 40}) {
    set_threads(size == 20 ? 1 : 3);
    for (int64_t begin = 0; begin < 80; begin += size) {
      const EarlyAnswers part = answer_early(exits(*model), x.narrow(0, begin, size).contiguous(), thresholds);
      for (int64_t i = 0; i < size; ++i) {
        EXPECT_EQ(part.exit[static_cast<size_t>(i)], whole.exit[static_cast<size_t>(begin + i)]) << size;
        EXPECT_EQ(row(part.logits, i), row(whole.logits, begin + i)) << size;
      }
    }
  }
  set_threads(before);
}

TEST(EarlyExit, CostsWhatItsLayersUpToTheExitDo) {
  const auto lenet = network("lenet5-earlyexit");
  // conv1 6 x 25 x 784 and the exit 1176 x 10; then conv2, fc1, fc2, fc3.
  EXPECT_EQ(macs_by_exit(*lenet, {1, 28, 28}),
            (std::vector<int64_t>{117600 + 11760, 117600 + 11760 + 240000 + 48000 + 10080 + 840}));
  const auto resnet = network("resnet20-cifar-earlyexit");
  const int64_t first = 27 * 16 * 1024 + 6 * 144 * 16 * 1024 + 1600 * 10;
  const int64_t second = (144 * 32 + 5 * 288 * 32 + 16 * 32) * 256 + 800 * 10;
  const int64_t third = (288 * 64 + 5 * 576 * 64 + 32 * 64) * 64 + 64 * 10;
  EXPECT_EQ(macs_by_exit(*resnet, {3, 32, 32}), (std::vector<int64_t>{first, first + second, first + second + third}));
}

TEST(EarlyExit, RefusesThresholdsThatAreNoEntropies) {
  const auto model = network("resnet20-cifar-earlyexit");
  const Tensor x = images(2, {3, 32, 32});
  for (const std::vector<double>& bad : std::vector<std::vector<double>>{{0.5}, {0.5, -0.1}, {0.5, NAN}, {1, 1, 1}})
    EXPECT_THROW(answer_early(exits(*model), x, bad), ArgumentError);
}

TEST(EarlyExit, HasNoIntegerForm) { EXPECT_THROW(graph_of(*network("lenet5-earlyexit"), {1, 28, 28}), ArgumentError); }

std::map<std::string, std::vector<double>> gradients(Module& model) {
  std::map<std::string, std::vector<double>> all;
  model.visit_parameters([&](const std::string& name, Parameter& p) {
    all[name] = p.gradient().defined() ? p.gradient().to_vector<double>()
                                       : std::vector<double>(static_cast<size_t>(p.value().numel()), 0);
  });
  model.clear_gradients();
  return all;
}

TEST(JointLoss, IsTheWeightedSumOfTheAnswersAndSoIsItsGradient) {
  const auto model = make_model("resnet20-cifar-earlyexit", {.input = {3, 12, 12}, .seed = 5});
  model->convert(DType::f64);
  model->set_training(false);
  const Tensor x = images(3, {3, 12, 12}, DType::f64), labels = Tensor::from(std::vector<int32_t>{1, 9, 4}, {3});
  const std::vector<double> weights = {0.2, 0.5}, share = {0.2, 0.5, 0.3};
  std::map<std::string, std::vector<double>> sum;
  double value = 0;
  for (size_t i = 0; i < 3; ++i) {
    const Variable loss = softmax_cross_entropy(answers_of(*model, Variable(x))[i], labels);
    value += share[i] * loss.value().item();
    loss.backward();
    for (const auto& [name, g] : gradients(*model)) {
      sum[name].resize(g.size(), 0);
      for (size_t k = 0; k < g.size(); ++k) sum[name][k] += share[i] * g[k];
    }
  }
  const Variable joint = joint_loss(answers_of(*model, Variable(x)), labels, weights);
  EXPECT_NEAR(joint.value().item(), value, 1e-12);
  joint.backward();
  for (const auto& [name, g] : gradients(*model))
    for (size_t k = 0; k < g.size(); ++k) ASSERT_NEAR(g[k], sum[name][k], 1e-12) << name << " " << k;
}

TEST(JointLoss, RefusesWeightsThatLeaveTheLastAnswerNothing) {
  const std::vector<Variable> answers(2, Variable(Tensor::zeros({1, 3})));
  const Tensor labels = Tensor::from(std::vector<int32_t>{0}, {1});
  for (const std::vector<double>& bad : std::vector<std::vector<double>>{{}, {1}, {-0.1}, {0.2, 0.2}, {NAN}})
    EXPECT_THROW(joint_loss(answers, labels, bad), ArgumentError);
}

}  // namespace
}  // namespace pith::nn
