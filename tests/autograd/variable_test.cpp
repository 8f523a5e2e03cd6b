#include "autograd/variable.h"

#include <gtest/gtest.h>

#include <limits>

#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "tensor/error.h"
#include "tests/support/files.h"

namespace pith {
namespace {

Tensor values(const std::vector<double>& v) { return Tensor::from(v, {static_cast<int64_t>(v.size())}); }
std::vector<double> gradient(const Variable& v) { return v.gradient().to_vector<double>(); }

TEST(Variable, AddsUpTheGradientsOfAllItsReaders) {
  const Variable x(values({2, 3}), true);
  sum(add(mul(x, x), affine(x, 5))).backward();  // d(x^2 + 5 x) = 2 x + 5
  EXPECT_EQ(gradient(x), (std::vector<double>{9, 11}));
}

TEST(Variable, AddsToTheGradientThatALeafHolds) {
  const Variable x(values({1}), true);
  sum(affine(x, 2)).backward();
  sum(affine(x, 3)).backward();
  EXPECT_EQ(gradient(x), (std::vector<double>{5}));
}

TEST(Variable, KeepsALeafsGradientContiguousAlsoBehindASum) {
  const Variable x(values({1, 2, 3}), true);
  sum(x).backward();
  EXPECT_TRUE(x.gradient().is_contiguous());
  EXPECT_EQ(gradient(x), (std::vector<double>{1, 1, 1}));
}

TEST(Variable, DoesNotShareOneGradientBetweenTwoLeaves) {
  const Variable a(values({1}), true), b(values({1}), true);
  add(a, b).backward();
  Tensor other = b.gradient();
  sum(affine(a, 6)).backward();
  EXPECT_EQ(gradient(a), (std::vector<double>{7}));
  EXPECT_EQ(gradient(b), (std::vector<double>{1}));
}

TEST(Variable, RefusesASecondWayBack) {
  const Variable x(values({1}), true);
  const Variable y = exp(x);
  y.backward();
  EXPECT_NE(test::message_of<Error>([&] { y.backward(); }).find("exp was walked back before"), std::string::npos);
  const Variable z = affine(y, 2);
  EXPECT_NE(test::message_of<Error>([&] { z.backward(); }).find("exp was walked back before"), std::string::npos);
}

TEST(Variable, NeedsOneElementToStartFrom) {
  const Variable x(values({1, 2}), true);
  EXPECT_NE(test::message_of<ShapeError>([&] { exp(x).backward(); }).find("[2]"), std::string::npos);
}

TEST(Variable, RefusesAGradientOfAnotherShapeOrType) {
  const Variable x(values({1, 2}), true);
  EXPECT_THROW(exp(x).backward(values({1})), ShapeError);
  EXPECT_THROW(exp(x).backward(Tensor::zeros({2}, DType::f32)), TypeError);
}

TEST(Variable, WalksBackAHundredThousandNodesWithoutRecursion) {
  const Variable x(values({1}), true);
  Variable y = x;
  for (int i = 0; i < 100000; ++i) y = affine(y, 1);
  y.backward();
  EXPECT_EQ(gradient(x), (std::vector<double>{1}));
}

TEST(Variable, DropsAHundredThousandNodesWithoutRecursion) {
  const Variable x(values({1}), true);
  Variable y = x;
  for (int i = 0; i < 100000; ++i) y = affine(y, 1);
  y = x;
  EXPECT_FALSE(x.gradient().defined());
}

TEST(Variable, FreesValuesOnTheWayBackNotAfterIt) {
  constexpr int64_t kSize = 1 << 18;
  const Variable x(Tensor::zeros({kSize}), true);
  size_t during = 0;
  Variable y = record("probe", x.value(), {x}, [&](const Tensor&, Gradients&) { during = Storage::bytes_in_use(); });
  const size_t before = Storage::bytes_in_use();
  for (int i = 0; i < 8; ++i) y = exp(y);
  y = sum(y);
  y.backward();
  EXPECT_LT(during, before + 3 * kSize * sizeof(float)) << "of the eight values behind the probe many are still there";
}

TEST(NoGradient, RecordsNothingWhileItLives) {
  const Variable x(values({1}), true);
  {
    const NoGradient off;
    EXPECT_FALSE(gradients_enabled());
    EXPECT_FALSE(exp(x).requires_gradient());
  }
  EXPECT_TRUE(gradients_enabled());
  EXPECT_TRUE(exp(x).requires_gradient());
}

TEST(DetectAnomaly, NamesOperationAndLayerOfTheFirstValueThatIsNotFinite) {
  const DetectAnomaly watch;
  const LayerScope outer("layer1.0"), inner("norm");
  const Variable x(values({-1}), true);
  const std::string message = test::message_of<NumericError>([&] { exp(log(x)); });
  EXPECT_NE(message.find("value"), std::string::npos) << message;
  EXPECT_NE(message.find("operation log in layer layer1.0.norm"), std::string::npos) << message;
}

TEST(DetectAnomaly, NamesOperationAndLayerOfTheFirstGradientThatIsNotFinite) {
  const DetectAnomaly watch;
  const Variable x(values({0}), true);
  Variable y;
  {
    const LayerScope layer("stem");
    y = affine(x, 2);
  }
  y = power(y, 0.5);  // infinitely steep at 0
  const std::string message = test::message_of<NumericError>([&] { y.backward(); });
  EXPECT_NE(message.find("gradient"), std::string::npos) << message;
  EXPECT_NE(message.find("operation affine in layer stem"), std::string::npos) << message;
}

TEST(DetectAnomaly, IsSilentWithoutOne) {
  const Variable x(values({-1}), true);
  EXPECT_NO_THROW(log(x));
}

TEST(LayerScope, JoinsNamesByDots) {
  EXPECT_EQ(current_layer(), "");
  const LayerScope a("layer2");
  {
    const LayerScope b("conv1");
    EXPECT_EQ(current_layer(), "layer2.conv1");
  }
  EXPECT_EQ(current_layer(), "layer2");
}

}  // namespace
}  // namespace pith
