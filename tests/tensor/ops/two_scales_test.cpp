#include "tensor/ops/two_scales.h"

#include <gtest/gtest.h>

#include "tensor/error.h"

namespace pith {
namespace {

using Numbers = std::vector<double>;

/// The largest is 4, so what is up to 0.2 counts as 0.
Tensor weights() { return Tensor::from(Numbers{0.1, -0.5, 0.9, 0.2, -1, -1, 2, 4}, {2, 4}); }
Tensor numbers(const Numbers& v) { return Tensor::from(v, Shape{std::ssize(v)}); }

void expect_near(const Tensor& t, const Numbers& expected) {
  const Numbers found = t.to_vector<double>();
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12) << i;
}

TEST(TwoScales, BeginWithTheMeansOfEitherSign) {
  const ops::TwoScales s = ops::first_scales(weights());
  expect_near(s.up, {0.9, 3});
  expect_near(s.down, {0.5, 1});
  // No negative one above the threshold: the mean of all.
  expect_near(ops::first_scales(Tensor::from(Numbers{1, 2, 0, 0}, {1, 4})).down, {0.75});
}

TEST(TwoScales, AreWholeNumbersOfTheLargersSeventh) {
  const ops::TwoScales s{numbers({0.9, 1.4}), numbers({0.5, 2.1})};
  const Tensor step = ops::two_scale_steps(s, 7);
  expect_near(step, {0.9 / 7, 0.3});
  // 0.5 of 0.9: 3.89 sevenths are 4; 1.4 of 2.1: 4.67 are 5.
  EXPECT_EQ(ops::two_scale_levels(weights(), s, step, 7).to_vector<double>(), (Numbers{0, -4, 7, 0, -7, -7, 5, 5}));
  // Wider steps than theirs: whole numbers of those.
  EXPECT_EQ(ops::two_scale_levels(weights(), s, numbers({0.45, 2.1}), 7).to_vector<double>(),
            (Numbers{0, -1, 2, 0, -1, -1, 1, 1}));
}

TEST(TwoScales, LearnFromTheWeightsThatBearThem) {
  const Tensor dq = Tensor::from(Numbers{1, 2, 3, 4, 5, 6, 7, 8}, {2, 4});
  const ops::TwoScaleGradients d = ops::two_scale_gradient(weights(), numbers({0.5, 2}), dq);
  expect_near(d.w, {2, 4, 6, 8, 2.5, 3, 3.5, 4});
  expect_near(d.up, {6, 7.5});      // 3 / 0.5; (7 + 8) / 2
  expect_near(d.down, {-4, -5.5});  // -2 / 0.5; -(5 + 6) / 2
}

TEST(TwoScales, KeepARowOfZerosAtZero) {
  const Tensor w = Tensor::zeros({1, 3}, DType::f64);
  EXPECT_EQ(ops::two_scale_levels(w, {numbers({1}), numbers({1})}, numbers({1}), 7).to_vector<double>(),
            (Numbers{0, 0, 0}));
  EXPECT_THROW(ops::two_scale_levels(w, {numbers({1}), numbers({1, 2})}, numbers({1}), 7), ShapeError);
}

}  // namespace
}  // namespace pith
