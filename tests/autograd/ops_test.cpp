// What the catalogue's random rows do not reach: refusals with their places, large shapes on many threads, lane order
// kept where the headers promise it, running statistics.
#include <gtest/gtest.h>

#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/pool2d.h"
#include "autograd/ops/recurrent.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/softmax_loss.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/support/files.h"

namespace pith {
namespace {

Tensor normal(const Shape& shape, uint64_t item = 0) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 31, .item = item});
  return t;
}
Tensor labels(const std::vector<int32_t>& v) { return Tensor::from(v, {static_cast<int64_t>(v.size())}); }

TEST(SoftmaxCrossEntropy, NamesTheLabelThatIsOutOfRangeAndItsIndex) {
  const Variable x(Tensor::zeros({3, 4}));
  for (int32_t bad : {-1, 4}) {
    const std::string message = test::message_of<FormatError>([&] { softmax_cross_entropy(x, labels({0, 3, bad})); });
    EXPECT_NE(message.find("label " + std::to_string(bad) + " at index 2"), std::string::npos) << message;
    EXPECT_THROW(nll_loss(x, labels({bad, 0, 0})), FormatError);
  }
}

// Distiller's own numbers (batch mean of the divergence times T squared).
TEST(DistillationLoss, GivesTheModelsValues) {
  const Variable student(Tensor::from(std::vector<double>{1, 2, 0.5, 0.1F, -1, 3}, {2, 3}));
  const Tensor teacher = Tensor::from(std::vector<double>{2, 1, 0, 0, 0, 1}, {2, 3});
  EXPECT_NEAR(distillation_loss(student, teacher, 1).value().item(), 0.49505162239074707, 1e-7);
  EXPECT_NEAR(distillation_loss(student, teacher, 2).value().item(), 0.5929248332977295, 1e-7);
  EXPECT_NEAR(distillation_loss(student, teacher, 5).value().item(), 0.5964093208312988, 5e-6);  // recorded in f32
}

TEST(SoftmaxCrossEntropy, DoesNotOverflowForLargeLogits) {
  const Variable x(Tensor::from(std::vector<float>{1e4f, 0, -1e4f}, {1, 3}), true);
  const Variable loss = softmax_cross_entropy(x, labels({0}));
  EXPECT_EQ(loss.value().item(), 0);
  loss.backward();
  EXPECT_EQ(x.gradient().to_vector<float>(), (std::vector<float>{0, 0, 0}));
}

TEST(SoftmaxCrossEntropy, IsTheLogarithmOfTheClassesForEqualLogits) {
  const Variable x(Tensor::full({2, 8}, 3, DType::f64));
  EXPECT_NEAR(softmax_cross_entropy(x, labels({1, 7})).value().item(), 2.0794415416798357, 1e-14);
}

TEST(Embedding, NamesTheIndexThatIsOutOfRangeAndItsPlace) {
  const Variable w(Tensor::zeros({5, 2}));
  const std::string message = test::message_of<FormatError>([&] { embedding(w, labels({0, 5})); });
  EXPECT_NE(message.find("index 5 at place 1"), std::string::npos) << message;
}

TEST(BatchNorm, MovesRunningStatisticsByTheUnbiasedVariance) {
  BatchNormState state{Tensor::full({1}, 10, DType::f64), Tensor::full({1}, 4, DType::f64)};
  const Variable x(Tensor::from(std::vector<double>{1, 3}, {2, 1}));  // mean 2, unbiased variance 2
  const Variable one(Tensor::full({1}, 1, DType::f64)), zero(Tensor::zeros({1}, DType::f64));
  batch_norm(x, one, zero, state, {.momentum = 0.25});
  EXPECT_DOUBLE_EQ(state.mean.item(), 8);
  EXPECT_DOUBLE_EQ(state.variance.item(), 3.5);
  batch_norm(x, one, zero, state, {.training = false});
  EXPECT_DOUBLE_EQ(state.mean.item(), 8) << "evaluation must not move them";
}

TEST(BatchNorm, RefusesAChannelOfOneElementInTraining) {
  BatchNormState state{Tensor::zeros({2}), Tensor::full({2}, 1)};
  const Variable x(normal({1, 2, 1, 1})), c(Tensor::full({2}, 1));
  EXPECT_THROW(batch_norm(x, c, c, state, {}), ShapeError);
  EXPECT_NO_THROW(batch_norm(x, c, c, state, {.training = false}));
}

TEST(Dropout, IsTheSameInEitherOrderAndKeepsTheMean) {
  const Variable plain(Tensor::full({35, 3, 8, 8}, 1)), lanes(to_lanes(plain.value(), 1));
  const DropoutKey key{.seed = 7, .epoch = 1, .item = 9};
  const std::vector<float> a = dropout(plain, 0.3, key).value().to_vector<float>();
  EXPECT_EQ(a, dropout(lanes, 0.3, key).value().to_vector<float>());
  EXPECT_NE(a, dropout(plain, 0.3, {.seed = 8, .epoch = 1, .item = 9}).value().to_vector<float>());
  EXPECT_NEAR(mean(dropout(plain, 0.3, key)).value().item(), 1, 0.03);
  EXPECT_THROW(dropout(plain, 1, key), ArgumentError);
}

TEST(LaneOrder, IsKeptByWhatComputesOnIt) {
  const Variable x(to_lanes(normal({20, 4, 6, 6}), 1));
  BatchNormState state{Tensor::zeros({4}), Tensor::full({4}, 1)};
  const Variable c(Tensor::full({4}, 1));
  EXPECT_TRUE(relu(x).value().is_lanes());
  EXPECT_TRUE(sigmoid(x).value().is_lanes());
  EXPECT_TRUE(add(x, Variable(normal({20, 4, 6, 6}))).value().is_lanes());
  EXPECT_TRUE(batch_norm(x, c, c, state, {}, x).value().is_lanes());
  EXPECT_TRUE(max_pool2d(x, {2, 2}, {.stride = {2, 2}}).value().is_lanes());
  EXPECT_TRUE(flatten(global_average_pool(x)).value().is_lanes());
  EXPECT_TRUE(concat({x, x}, 1).value().is_lanes());
  EXPECT_TRUE(narrow(x, 1, 1, 2).value().is_lanes());
  EXPECT_TRUE(subsample_pad(x, 2, 8).value().is_lanes());
}

/// A little of everything over shapes of many chunks, forward and back.
std::vector<float> many_chunks() {
  const Variable x(to_lanes(normal({40, 8, 33, 31}), 1), true), gamma(normal({8}, 1), true), beta(normal({8}, 2), true);
  BatchNormState state{Tensor::zeros({8}), Tensor::full({8}, 1)};
  Variable y = batch_norm(x, gamma, beta, state, {.relu = true}, x);
  y = max_pool2d(y, {3, 3}, {.stride = {2, 2}, .padding = {1, 1}});
  y = mul(sigmoid(y), tanh(y));
  y = average_pool2d(concat({y, dropout(y, 0.5, {.seed = 1})}, 1), {2, 2}, {});
  const Variable loss = add(mean(exp(y)), sum(power(softmax(reshape(y, {40 * 16, 16 * 15})), 2)));
  loss.backward();
  std::vector<float> all = x.gradient().to_vector<float>();
  for (const Tensor& t : {gamma.gradient(), beta.gradient(), loss.value(), state.mean, state.variance})
    for (float f : t.to_vector<float>()) all.push_back(f);
  return all;
}

TEST(Threads, NeverChangeABitOfLargeShapes) {
  const int before = threads();
  set_threads(1);
  const std::vector<float> alone = many_chunks();
  for (int n : {2, 3, 8}) {
    set_threads(n);
    EXPECT_EQ(many_chunks(), alone) << n << " threads";
  }
  set_threads(before);
}

}  // namespace
}  // namespace pith
