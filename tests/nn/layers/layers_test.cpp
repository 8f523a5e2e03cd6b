// Layers as wholes; the operations they call have tests of their own.
#include <gtest/gtest.h>

#include <cmath>

#include "nn/layers/activation.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/dropout.h"
#include "nn/layers/embedding.h"
#include "nn/layers/join.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/layers/sequential.h"
#include "tensor/error.h"
#include "tests/support/golden.h"

namespace pith::nn {
namespace {

using test::expect_close;
using test::wave;

Variable row(const std::vector<double>& values) {
  return Variable(Tensor::from(values, {1, static_cast<int64_t>(values.size())}));
}
std::vector<double> values(const Variable& v) { return v.value().to_vector<double>(); }

TEST(Layers, ActivationsGiveTheirTextbookValues) {
  const Variable x = row({-2, -0.5, 0, 0.5, 7});
  EXPECT_EQ(values(ReLU().call(x)), (std::vector<double>{0, 0, 0, 0.5, 7}));
  EXPECT_EQ(values(ClippedReLU().call(x)), (std::vector<double>{0, 0, 0, 0.5, 6}));
  EXPECT_EQ(values(ClippedReLU(0.25).call(x)), (std::vector<double>{0, 0, 0, 0.25, 0.25}));
  EXPECT_EQ(values(LeakyReLU(0.5).call(x)), (std::vector<double>{-1, -0.25, 0, 0.5, 7}));
  PACT pact(3);
  pact.convert(DType::f64);
  EXPECT_EQ(values(pact.call(x)), (std::vector<double>{0, 0, 0, 0.5, 3}));
  expect_close(Sigmoid().call(row({0, std::log(3.0)})).value(), {0.5, 0.75}, 1e-12, "sigmoid");
  expect_close(Tanh().call(row({0, std::log(3.0)})).value(), {0, 0.8}, 1e-12, "tanh");
  expect_close(Softmax().call(row({0, std::log(3.0)})).value(), {0.25, 0.75}, 1e-12, "softmax");
}

TEST(Layers, PactLearnsItsLimitAndSaysSo) {
  PACT pact(3);
  std::vector<std::string> names;
  pact.visit_parameters([&](const std::string& name, Parameter&) { names.push_back(name); });
  EXPECT_EQ(names, std::vector<std::string>{"alpha"});
}

TEST(Layers, ClippedReluNamesItselfByItsLimit) {
  EXPECT_EQ(ClippedReLU(6).type(), "ReLU6");
  EXPECT_EQ(ClippedReLU(2).type(), "ClippedReLU");
  EXPECT_THROW(ClippedReLU(0), ArgumentError);
  EXPECT_THROW(ClippedReLU(std::nan("")), ArgumentError);
}

TEST(Layers, BatchNormKeepsRunningStatisticsAndUsesThem) {
  BatchNorm2d norm(2);
  norm.convert(DType::f64);
  const Variable x(Tensor::from(std::vector<double>{1, 10, 3, 30}, {2, 2, 1, 1}));
  const double e = 1e-5;
  expect_close(norm.call(x).value(),
               {-1 / std::sqrt(1 + e), -10 / std::sqrt(100 + e), 1 / std::sqrt(1 + e), 10 / std::sqrt(100 + e)}, 1e-12,
               "training");
  expect_close(norm.running_mean(), {0.2, 2}, 1e-12, "running mean");
  expect_close(norm.running_var(), {0.9 + 0.1 * 2, 0.9 + 0.1 * 200}, 1e-12, "running variance");  // unbiased
  norm.set_training(false);
  expect_close(norm.call(x).value(),
               {0.8 / std::sqrt(1.1 + e), 8 / std::sqrt(20.9 + e), 2.8 / std::sqrt(1.1 + e), 28 / std::sqrt(20.9 + e)},
               1e-12, "evaluation");
  expect_close(norm.running_mean(), {0.2, 2}, 1e-12, "running mean after evaluation");
}

TEST(Layers, EltwiseAddSumsAndConcatJoinsChannels) {
  const Variable a(wave({2, 3, 2, 2}, 1)), b(wave({2, 3, 2, 2}, 2));
  EltwiseAdd add;
  std::vector<double> sum = values(a);
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += values(b)[i];
  expect_close(add.call(a, b).value(), sum, 1e-15, "sum");
  EXPECT_THROW(static_cast<Module&>(add).call(a), Error);
  Concat concat;
  const Tensor joined = concat.call({a, b}).value();
  EXPECT_EQ(joined.shape(), (Shape{2, 6, 2, 2}));
  expect_close(joined.narrow(1, 0, 3), values(a), 0, "first");
  expect_close(joined.narrow(1, 3, 3), values(b), 0, "second");
  EXPECT_THROW(concat.call(std::vector<Variable>{}), ShapeError);
}

TEST(Layers, LinearSharesAnothersWeight) {
  Linear owner(3, 2);
  Linear guest(owner.weight());
  EXPECT_EQ(&owner.weight(), &guest.weight());
  EXPECT_EQ(guest.parameter_count(), 2);
}

TEST(Layers, ConvRefusesGroupsThatDivideNotItsChannels) {
  ConvOptions o = square(3);
  o.window.groups = 2;
  EXPECT_THROW(Conv2d(3, 4, o), ArgumentError);
  EXPECT_THROW(Conv2d(4, 3, o), ArgumentError);
  EXPECT_EQ(Conv2d(4, 6, o).weight().shape(), (Shape{6, 2, 3, 3}));
}

TEST(Layers, EmbeddingLooksUpRows) {
  Embedding e(3, 2);
  e.weight().load(Tensor::from(std::vector<float>{0, 1, 10, 11, 20, 21}, {3, 2}));
  const Variable y = e.call(Variable(Tensor::from(std::vector<int32_t>{2, 0, 2}, {3, 1})));
  EXPECT_EQ(y.shape(), (Shape{3, 1, 2}));
  EXPECT_EQ(values(y), (std::vector<double>{20, 21, 0, 1, 20, 21}));
  EXPECT_THROW(e.call(Variable(Tensor::from(std::vector<int32_t>{3}, {1, 1}))), FormatError);
}

TEST(Dropout, LeavesEvaluationAlone) {
  Dropout drop(0.5);
  drop.set_training(false);
  const Variable x(wave({100}, 1));
  EXPECT_EQ(values(drop.call(x)), values(x));
}

TEST(Dropout, ZeroesItsShareAndScalesTheRest) {
  Dropout drop(0.25);
  const std::vector<double> y = values(drop.call(Variable(Tensor::full({40000}, 3, DType::f64))));
  int64_t zeros = 0;
  for (const double v : y) {
    zeros += v == 0;
    ASSERT_NEAR(v, v == 0 ? 0 : 4, 1e-6);  // 3 / 0.75
  }
  EXPECT_NEAR(static_cast<double>(zeros) / 40000, 0.25, 0.015);  // seven standard deviations
}

TEST(Dropout, DrawsByStepAndSeedAndLayer) {
  Sequential net;
  net.add(std::make_unique<Dropout>(0.5));
  Sequential two;
  two.add(std::make_unique<Dropout>(0.5));
  two.add(std::make_unique<Dropout>(0.5));
  const Variable x(Tensor::full({64}, 1, DType::f64));
  const auto draw = [&](uint64_t seed, int64_t step) {
    seed_dropout(net, seed, step);
    return values(net.call(x));
  };
  const std::vector<double> first = draw(1, 5);
  EXPECT_NE(values(net.call(x)), first);  // the next call of the same step
  EXPECT_EQ(draw(1, 5), first);           // a resumed run draws the same
  EXPECT_NE(draw(1, 6), first);
  EXPECT_NE(draw(2, 5), first);
  seed_dropout(two, 1, 5);
  int64_t both = 0;
  for (const double v : values(two.call(x))) both += v == 4;
  EXPECT_LT(both, 32);  // the second layer has a mask of its own
  EXPECT_GT(both, 4);
}

TEST(Dropout, RefusesWhatIsNoProbability) {
  for (const double p : {-0.1, 1.0, std::nan("")}) EXPECT_THROW(Dropout{p}, ArgumentError);
}

}  // namespace
}  // namespace pith::nn
