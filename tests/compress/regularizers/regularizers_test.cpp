// Values by hand; gradients against finite differences of the values.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "compress/regularizers/elementwise.h"
#include "compress/regularizers/group_lasso.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace pith::compress {
namespace {

using Floats = std::vector<float>;

/// d value / d w_i by central differences, for every i.
void expect_gradient(const Tensor& w, const std::function<Penalty(const Tensor&)>& penalty, double tolerance) {
  const Floats gradient = penalty(w).gradient.to_vector<float>();
  const Floats values = w.to_vector<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    const auto at = [&](float step) {
      Floats moved = values;
      moved[i] += step;
      return penalty(Tensor::from(moved, w.shape())).value;
    };
    const float h = 1.0F / 256;
    EXPECT_NEAR(gradient[i], (at(h) - at(-h)) / (2 * h), tolerance * (1 + std::abs(gradient[i]))) << i;
  }
}

Tensor noise(const Shape& shape) {
  Tensor t = Tensor::empty(shape);
  fill_uniform(t, 0.2, 1, {.seed = 4, .purpose = Purpose::test});
  return t;
}

TEST(L1, IsTheSumOfMagnitudes) {
  const Penalty p = l1_penalty(Tensor::from(Floats{1, -2, 0}, {3}), 0.5);
  EXPECT_DOUBLE_EQ(p.value, 1.5);
  EXPECT_EQ(p.gradient.to_vector<float>(), (Floats{0.5F, -0.5F, 0}));
}

TEST(L1, ThresholdsByItsStrength) {
  const Mask mask = l1_threshold(Tensor::from(Floats{0.5F, -2, 0.4F}, {3}), 0.5);
  EXPECT_EQ(mask.to_tensor(DType::f32).to_vector<float>(), (Floats{0, 1, 0}));
}

TEST(L2, IsTheSumOfSquares) {
  const Penalty p = l2_penalty(Tensor::from(Floats{1, -2}, {2}), 0.5);
  EXPECT_DOUBLE_EQ(p.value, 2.5);
  EXPECT_EQ(p.gradient.to_vector<float>(), (Floats{1, -2}));
}

TEST(GroupLasso, IsTheSumOfNorms) {
  const Tensor w = Tensor::from(Floats{3, 4, 0, 0}, {2, 2});
  const Penalty p = group_lasso(w, Groups(w.shape(), GroupType::row), 2);
  EXPECT_DOUBLE_EQ(p.value, 10);
  EXPECT_EQ(p.gradient.to_vector<float>(), (Floats{1.2F, 1.6F, 0, 0}));  // and no NaN at the norm 0
}

TEST(GroupLasso, HasTheGradientOfItsValue) {
  const Tensor w = noise({4, 3, 2, 2});
  for (const GroupType type :
       {GroupType::kernel, GroupType::filter, GroupType::channel, GroupType::layer, GroupType::row, GroupType::column})
    expect_gradient(
        w, [&](const Tensor& x) { return group_lasso(x, Groups(x.shape(), type), 0.7, group_lasso_floor(type)); },
        1e-3);
}

TEST(GroupLasso, ThresholdsGroupsByItsStrength) {
  const Tensor w = Tensor::from(Floats{3, 4, 0.1F, 0.1F}, {2, 2});
  const Mask mask = group_lasso_threshold(w, Groups(w.shape(), GroupType::row), 0.2);
  EXPECT_EQ(mask.to_tensor(DType::f32).to_vector<float>(), (Floats{1, 1, 0, 0}));
}

TEST(GroupVariance, HasTheGradientOfItsValue) {
  const Tensor w = noise({4, 3, 2, 2});
  expect_gradient(
      w, [&](const Tensor& x) { return group_variance(x, Groups(x.shape(), GroupType::channel), 0.01); }, 2e-2);
}

TEST(GroupVariance, RefusesGroupsThatAreAllAlike) {
  const Tensor w = Tensor::full({2, 2}, 1);
  EXPECT_THROW(group_variance(w, Groups(w.shape(), GroupType::row), 1), NumericError);
  EXPECT_THROW(group_variance(w, Groups(w.shape(), GroupType::layer), 1), ShapeError);
}

TEST(Regularizers, RefuseStrengthsAndTypesThatMakeNoSense) {
  EXPECT_THROW(l1_penalty(Tensor::full({2}, 1), -1), ArgumentError);
  EXPECT_THROW(l2_penalty(Tensor::full({2}, 1), std::nan("")), ArgumentError);
  EXPECT_THROW(l1_penalty(Tensor::full({2}, 1, DType::f64), 1), TypeError);
}

}  // namespace
}  // namespace pith::compress
