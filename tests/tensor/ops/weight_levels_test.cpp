#include "tensor/ops/weight_levels.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/error.h"

namespace pith {
namespace {

using Numbers = std::vector<double>;

/// Two channels of four weights.
Tensor weights() { return Tensor::from(Numbers{0.1, -0.5, 0.9, 0, -1, -1, 2, 4}, {2, 4}); }
Tensor steps(const Numbers& s) { return Tensor::from(s, Shape{std::ssize(s)}); }

void expect_near(const Tensor& t, const Numbers& expected) {
  const Numbers found = t.to_vector<double>();
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12) << i;
}

TEST(WeightLevels, AreTernaryByTheThresholdOfEveryRow) {
  // Means 0.375 and 2, thresholds 0.2625 and 1.4; what is above: 0.5, 0.9 and 2, 4.
  expect_near(ops::ternary_steps(weights()), {0.7, 3});
  const ops::WeightLevels l{.lowest = -1, .highest = 1, .rule = ops::LevelRule::ternary};
  EXPECT_EQ(ops::weight_levels(weights(), steps({0.7, 3}), l).to_vector<double>(), (Numbers{0, -1, 1, 0, 0, 0, 1, 1}));
  const Tensor up = Tensor::full({2, 4}, 6, DType::f64);
  const ops::WeightLevelGradients d = ops::weight_levels_gradient(weights(), steps({0.5, 3}), l, up);
  expect_near(d.w, {12, 12, 12, 12, 2, 2, 2, 2});
  expect_near(d.step, {0, 0});
}

TEST(WeightLevels, AreSignsTimesTheMeanOfEveryRow) {
  expect_near(ops::mean_steps(weights()), {0.375, 2});
  const ops::WeightLevels everywhere{.lowest = -1, .highest = 1, .rule = ops::LevelRule::sign};
  const ops::WeightLevels within{.lowest = -1, .highest = 1, .rule = ops::LevelRule::sign_within_step};
  const Tensor step = steps({0.375, 2}), up = Tensor::full({2, 4}, 6, DType::f64);
  for (const ops::WeightLevels& l : {everywhere, within})
    EXPECT_EQ(ops::weight_levels(weights(), step, l).to_vector<double>(), (Numbers{1, -1, 1, 1, -1, -1, 1, 1}));
  expect_near(ops::weight_levels_gradient(weights(), step, everywhere, up).w, {16, 16, 16, 16, 3, 3, 3, 3});
  expect_near(ops::weight_levels_gradient(weights(), step, within, up).w, {16, 0, 0, 16, 3, 3, 3, 0});
}

TEST(WeightLevels, FollowTheHyperbolicTangentToItsLargest) {
  const Tensor w = Tensor::from(Numbers{std::atanh(0.5), -std::atanh(0.3), 0, std::atanh(0.04)}, {1, 4});
  expect_near(ops::tanh_steps(w, 7), {0.5 / 7});
  const ops::WeightLevels l{.lowest = -7, .highest = 7, .rule = ops::LevelRule::tanh};
  const Tensor step = steps({0.5 / 7}), up = Tensor::full({1, 4}, 0.5, DType::f64);
  EXPECT_EQ(ops::weight_levels(w, step, l).to_vector<double>(), (Numbers{7, -4, 0, 1}));  // 7, -4.2, 0, 0.56
  expect_near(ops::weight_levels_gradient(w, step, l, up).w, {7 * 0.75, 7 * 0.91, 7, 7 * 0.9984});
}

TEST(WeightLevels, ArePowersOfTwoByTheMiddleBetweenThem) {
  // 4/3 of the largest are 1.2 and 0.1: the last levels stand for 1 and 1/16.
  expect_near(ops::power_steps(Tensor::from(Numbers{0.9, -0.1, 0.05, -0.075}, {2, 2}), 4), {0.25, 1.0 / 64});
  const Tensor w = Tensor::from(Numbers{0.49, -0.5, 0.74, 1.49, 1.5, -2.9, 3, 6.1}, {1, 8});
  const ops::WeightLevels l{.lowest = 0, .highest = 4, .rule = ops::LevelRule::power_of_two};
  EXPECT_EQ(ops::weight_levels(w, steps({1}), l).to_vector<double>(), (Numbers{0, -1, 1, 1, 2, -2, 4, 4}));
  expect_near(ops::weight_levels_gradient(w, steps({0.5}), l, Tensor::full({1, 8}, 3, DType::f64)).w,
              {6, 6, 6, 6, 6, 6, 6, 6});
}

TEST(WeightLevels, HaveNoStepWhereARowIsZero) {
  const Tensor zeros = Tensor::zeros({2, 3, 2, 2});
  for (const Tensor& t :
       {ops::ternary_steps(zeros), ops::mean_steps(zeros), ops::tanh_steps(zeros, 7), ops::power_steps(zeros, 4)})
    EXPECT_EQ(t.to_vector<float>(), (std::vector<float>{0, 0}));
  EXPECT_THROW(ops::mean_steps(Tensor::zeros({2}, DType::s8)), TypeError);
  EXPECT_THROW(ops::ternary_steps(Tensor::full({}, 1)), ShapeError);
}

}  // namespace
}  // namespace pith
