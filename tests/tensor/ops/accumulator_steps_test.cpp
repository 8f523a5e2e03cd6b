#include "tensor/ops/accumulator_steps.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tests/support/golden.h"

namespace pith {
namespace {

using Floats = std::vector<float>;
using ops::LevelRule;

Tensor row(const Floats& w) { return Tensor::from(w, {1, std::ssize(w)}); }
Tensor one(float v) { return Tensor::full({1}, v); }

float wide(const Floats& w, float step, float bias, const ops::SumLimits& limits, double highest = 7,
           LevelRule rule = LevelRule::nearest) {
  return static_cast<float>(ops::accumulator_steps(row(w), one(step), one(bias),
                                                   {.lowest = -highest, .highest = highest, .rule = rule}, limits)
                                .item());
}

TEST(AccumulatorSteps, StayWhereEverySumFits) {
  // 7 + 5 of 15 up and 2 down: 180 units and a bias of 12 are 192, of at most 255 in 9 bits.
  EXPECT_EQ(wide({7, 5, -2}, 1, 12, {.above = 15, .x_step = 1, .bits = 9}), 1);
  EXPECT_EQ(wide({7, 5, -2}, 1, 75, {.above = 15, .x_step = 1, .bits = 9}), 1);  // 255 exactly
  EXPECT_GT(wide({7, 5, -2}, 1, 76, {.above = 15, .x_step = 1, .bits = 9}), 1);
  EXPECT_GT(wide({7, 5, -2}, 1, -76, {.above = 15, .x_step = 1, .bits = 9}), 1);
}

TEST(AccumulatorSteps, AreTheLeastThatFitToOnePerCent) {
  // One weight of 8 and inputs up to 15: 127 in 8 bits allow the level 8, 63 in 7 bits 4 at most: 8 / 4.5, a tie that
  // goes to the even 4.
  EXPECT_EQ(wide({8}, 1, 0, {.above = 15, .bits = 8}, 127), 1);
  const float found = wide({8}, 1, 0, {.above = 15, .bits = 7}, 127);
  EXPECT_GE(found, 8 / 4.5f);
  EXPECT_LE(found, 8 / 4.5f * 1.01f);
  // Three weights of 8 in 7 bits: 63 / 15 allows levels of 1 alone, from 8 / 1.5 on (1.5 goes to 2).
  const float three = wide({8, 8, 8}, 1, 0, {.above = 15, .bits = 7}, 127);
  EXPECT_GT(three, 8 / 1.5f);
  EXPECT_LE(three, 8 / 1.5f * 1.01f);
  // tanh(w) in place of w.
  const float bent = wide({8}, 0.1f, 0, {.above = 15, .bits = 7}, 127, LevelRule::tanh);
  EXPECT_NEAR(bent, std::tanh(8.0f) / 4.5f, 0.01 * std::tanh(8.0f) / 4.5f);
}

TEST(AccumulatorSteps, CountWhatPushesUpApartFromWhatPushesDown) {
  // Inputs from 0: 8 up or 8 down are 120 at most, never 240. Inputs from -15, too: 240.
  EXPECT_EQ(wide({8, -8}, 1, 0, {.above = 15, .below = 0, .bits = 8}, 127), 1);
  EXPECT_GT(wide({8, -8}, 1, 0, {.above = 15, .below = 15, .bits = 8}, 127), 1);
}

TEST(AccumulatorSteps, AreARowsOwn) {
  const Tensor w = Tensor::from(Floats{8, 8, 1, 1}, {2, 2}), step = Tensor::full({2}, 1), bias = Tensor::zeros({2});
  const auto found = ops::accumulator_steps(w, step, bias, {}, {.above = 15, .bits = 7}).to_vector<float>();
  EXPECT_GT(found[0], 1);
  EXPECT_EQ(found[1], 1);
}

/// Every order of adding, every input at either end: the twin walks all sums of its whole numbers.
TEST(AccumulatorSteps, LeaveNoPartialSumOutside) {
  for (int seed = 1; seed <= 40; ++seed) {
    const Floats w = test::wave({6}, seed, DType::f32).to_vector<float>();
    const float bias = std::sin(static_cast<float>(seed)) * 2;
    const double above = seed % 3 == 0 ? 15 : 9, below = seed % 3 == 0 ? 0 : 6;
    const int bits = 5 + seed % 5;
    const float step = wide(w, 0.02f, bias, {.above = above, .below = below, .x_step = 0.5, .bits = bits}, 127);
    const double most = std::exp2(bits - 1) - 1;
    for (int ends = 0; ends < 64; ++ends)      // which end each input has
      for (int some = 0; some < 64; ++some) {  // which products are added already
        double sum = std::nearbyint(bias / (0.5 * step));
        for (int i = 0; i < 6; ++i) {
          const double q = std::clamp(std::nearbyint(w[static_cast<size_t>(i)] / step), -127.0f, 127.0f);
          if (some >> i & 1) sum += q * (ends >> i & 1 ? above : -below);
        }
        ASSERT_LE(std::abs(sum), most) << "seed " << seed;
      }
  }
}

TEST(AccumulatorSteps, AreRefusedForLevelsThatDoNotShrinkAndForNumbersThatAreNone) {
  EXPECT_THROW(wide({1}, 1, 0, {.above = 15, .bits = 7}, 1, LevelRule::ternary), ArgumentError);
  EXPECT_THROW(wide({1}, 1, 0, {.above = 15, .bits = 1}), ArgumentError);
  EXPECT_THROW(wide({std::numeric_limits<float>::infinity()}, 1, 0, {.above = 15, .bits = 7}), NumericError);
  EXPECT_THROW(ops::accumulator_steps(row({1, 2}), Tensor::full({2}, 1), one(0), {}, {}), ShapeError);
}

}  // namespace
}  // namespace pith
