// Batch norm that is folded in every pass: against the ordinary one on the same real numbers.
#include "nn/training_norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "autograd/ops/batch_norm.h"
#include "autograd/ops/quantize.h"
#include "tensor/error.h"
#include "tests/support/files.h"

namespace pith::nn {
namespace {

using Floats = std::vector<float>;

class Norm : public Module {
 public:
  /// Of the batch norm that was there before.
  struct Before {
    Tensor scale, shift;
  };
  explicit Norm(const Floats& start, const Before& before = {})
      : bias(add_parameter("bias", Tensor::from(start, {std::ssize(start)}))),
        scale(add_parameter("scale", Tensor::full(bias.shape(), 1))),
        mean(add_buffer("mean", Tensor::zeros(bias.shape()))),
        variance(add_buffer("variance", Tensor::full(bias.shape(), 1))),
        begun(add_buffer("begun", Tensor::zeros({1}))),
        norm({scale, bias, mean, variance, begun}, bias.value(), before.scale, before.shift) {}
  std::string_view type() const override { return "Norm"; }

  Parameter &bias, &scale;
  Tensor &mean, &variance, &begun;
  TrainingNorm norm;

 protected:
  Variable forward(const Variable& x) override { return x; }
};

const Variable kInput(Tensor::full({1}, 0.5)), kSteps(Tensor::from(Floats{0.25F, 2}, {2}));

/// Whole numbers, [4, 2, 3, 3].
Tensor sums(int from) {
  Floats s(72);
  for (size_t i = 0; i < s.size(); ++i) s[i] = static_cast<float>((static_cast<int>(i) * 37 + from) % 41 - 15);
  return Tensor::from(s, {4, 2, 3, 3});
}

Tensor real(const Tensor& s) {
  Floats x = s.to_vector<float>();
  for (size_t i = 0; i < x.size(); ++i) x[i] *= i / 9 % 2 == 0 ? 0.125F : 1;  // x_step w_step[k]
  return Tensor::from(x, s.shape());
}

/// The layer's real output, as integer inference has it but for rounding.
Floats output(const Tensor& s, const FoldedNorm& in) {
  return requantize(Variable(s), bias_levels(in.bias, kInput, in.w_step, false),
                    requantization_scale(kInput, in.w_step, {}), {}, {},
                    {.lowest = -1e9, .highest = 1e9, .rounds = false})
      .value()
      .to_vector<float>();
}

void expect_near(const Floats& a, const Floats& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 2e-4 * (1 + std::abs(b[i]))) << i;
}

TEST(TrainingNorm, BeginsAsNothing) {
  Norm n({1, -2});
  const FoldedNorm before = n.norm.fold(kSteps);
  EXPECT_EQ(before.w_step.value().to_vector<float>(), kSteps.value().to_vector<float>());
  EXPECT_EQ(before.bias.value().to_vector<float>(), (Floats{1, -2}));
  const Floats without = output(sums(0), before);
  expect_near(output(sums(0), n.norm.fold(Variable(sums(0)), kInput, kSteps)), without);
  expect_near(output(sums(0), n.norm.fold(kSteps)), without);  // its own statistics are the running ones now
}

TEST(TrainingNorm, GoesOnWithTheScaleAndShiftThatWereThere) {
  const Tensor gamma = Tensor::from(Floats{1.5F, 0.5F}, {2}), beta = Tensor::from(Floats{0.25F, 3}, {2});
  Norm n({1, -2}, {gamma, beta});
  const FoldedNorm before = n.norm.fold(kSteps);  // no batch yet: the folded bias
  EXPECT_EQ(before.w_step.value().to_vector<float>(), kSteps.value().to_vector<float>());
  EXPECT_EQ(before.bias.value().to_vector<float>(), (Floats{1, -2}));
  BatchNormState state{Tensor::zeros({2}), Tensor::full({2}, 1)};
  const Floats normed =
      batch_norm(Variable(real(sums(0))), Variable(gamma), Variable(beta), state, {}).value().to_vector<float>();
  expect_near(output(sums(0), n.norm.fold(Variable(sums(0)), kInput, kSteps)), normed);
  expect_near(output(sums(0), n.norm.fold(kSteps)), normed);
  EXPECT_EQ(n.norm.scale().to_vector<float>(), gamma.to_vector<float>());
  EXPECT_EQ(n.norm.shift().to_vector<float>(), beta.to_vector<float>());
}

TEST(TrainingNorm, KnowsNoScaleBeforeItBeginsFromNothing) {
  Norm n({1, -2});
  EXPECT_FALSE(n.norm.scale().defined() || n.norm.shift().defined());
  n.norm.fold(Variable(sums(0)), kInput, kSteps);
  EXPECT_EQ(n.norm.scale().to_vector<float>(), n.scale.value().to_vector<float>());
  EXPECT_EQ(n.norm.shift().to_vector<float>(), n.bias.value().to_vector<float>());
}

TEST(TrainingNorm, IsBatchNormOnRealSums) {
  Norm n({1, -2});
  n.norm.fold(Variable(sums(0)), kInput, kSteps);
  n.scale.load(Tensor::from(Floats{1.5F, -0.5F}, {2}));  // its size counts
  n.bias.load(Tensor::from(Floats{0.25F, 3}, {2}));
  BatchNormState state{n.mean.clone(), n.variance.clone()};
  const Variable gamma(Tensor::from(Floats{1.5F, 0.5F}, {2})), beta(n.bias.value().clone());
  const FoldedNorm in = n.norm.fold(Variable(sums(7)), kInput, kSteps);
  expect_near(output(sums(7), in),
              batch_norm(Variable(real(sums(7))), gamma, beta, state, {}).value().to_vector<float>());
  expect_near(n.mean.to_vector<float>(), state.mean.to_vector<float>());
  state.mean = n.mean.clone(), state.variance = n.variance.clone();
  expect_near(output(sums(9), n.norm.fold(kSteps)),
              batch_norm(Variable(real(sums(9))), gamma, beta, state, {.training = false}).value().to_vector<float>());
}

TEST(TrainingNorm, GivesBatchNormsGradients) {
  Norm n({0.5F, 1});
  n.norm.fold(Variable(sums(0)), kInput, kSteps);
  n.clear_gradients();
  const Variable s(sums(3), true), x(real(sums(3)), true);
  BatchNormState state{Tensor::zeros({2}), Tensor::full({2}, 1)};
  const Variable gamma(n.scale.value().clone(), true), beta(n.bias.value().clone(), true);
  const FoldedNorm in = n.norm.fold(s, kInput, kSteps);
  const Variable y =
      requantize(s, bias_levels(in.bias, kInput, in.w_step, false), requantization_scale(kInput, in.w_step, {}), {}, {},
                 {.lowest = -1e9, .highest = 1e9, .rounds = false});
  const Tensor dy = sums(5);
  y.backward(dy);
  batch_norm(x, gamma, beta, state, {}).backward(dy);
  expect_near(n.scale.gradient().to_vector<float>(), gamma.gradient().to_vector<float>());
  expect_near(n.bias.gradient().to_vector<float>(), beta.gradient().to_vector<float>());
  const Floats unit = real(Tensor::full({4, 2, 3, 3}, 1)).to_vector<float>();
  Floats by_sums = x.gradient().to_vector<float>();
  for (size_t i = 0; i < by_sums.size(); ++i) by_sums[i] *= unit[i];
  expect_near(s.gradient().to_vector<float>(), by_sums);
}

TEST(TrainingNorm, WantsTwoElementsAChannel) {
  Norm n({0, 0});
  EXPECT_THROW(n.norm.fold(Variable(Tensor::zeros({1, 2, 1, 1})), kInput, kSteps), ShapeError);
}

}  // namespace
}  // namespace pith::nn
