// Rounding of one output channel: against all integers there are, on problems small enough to try them.
#include "compress/quantizers/rounding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tensor/error.h"

namespace pith::compress {
namespace {

/// Correlated integer inputs, and the sums that real weights make of them.
struct Case {
  std::vector<double> gram, cross;
  std::vector<float> weights;
  RoundingProblem problem;

  Case(size_t depth, uint32_t seed, int32_t most) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    gram.assign(depth * depth, 0), cross.assign(depth, 0);
    for (size_t i = 0; i < depth; ++i) weights.push_back(static_cast<float>(0.3 * normal(random)));
    const int patches = 64;
    for (int p = 0; p < patches; ++p) {
      const double common = normal(random);
      std::vector<double> u(depth);
      double t = 0;
      for (size_t i = 0; i < depth; ++i) u[i] = std::nearbyint(20 * (common + 0.7 * normal(random)));
      for (size_t i = 0; i < depth; ++i) t += weights[i] * kInput * u[i];
      for (size_t i = 0; i < depth; ++i) {
        cross[i] += t * u[i] / patches;
        for (size_t j = 0; j < depth; ++j) gram[i * depth + j] += u[i] * u[j] / patches;
      }
    }
    problem = {
        .gram = gram, .cross = cross, .weights = weights, .input_scale = kInput, .lowest = -most, .highest = most};
  }
  float scale() const {
    float largest = 0;
    for (const float w : weights) largest = std::max(largest, std::abs(w));
    return largest / static_cast<float>(problem.highest);
  }
  static constexpr double kInput = 0.05;
};

double least_of_all(const Case& c, float scale) {
  const size_t depth = c.weights.size();
  RoundedWeights w{scale, std::vector<int32_t>(depth, c.problem.lowest)};
  double least = std::numeric_limits<double>::infinity();
  for (;;) {
    least = std::min(least, reconstruction_error(c.problem, w));
    size_t i = 0;
    while (i < depth && ++w.values[i] > c.problem.highest) w.values[i++] = c.problem.lowest;
    if (i == depth) return least;
  }
}

TEST(Rounding, ErrorIsTheMeanSquareLessThatOfTheTarget) {
  // One input, u = 2 and -2 in turn: gram 4, target 0.3 u, cross 1.2. s q = 0.5: mean (0.3 - 0.5)^2 4 = 0.16.
  const std::vector<double> gram{4}, cross{1.2};
  const std::vector<float> w{0.3f};
  const RoundingProblem p{.gram = gram, .cross = cross, .weights = w, .input_scale = 1};
  EXPECT_NEAR(reconstruction_error(p, {0.5f, {1}}) + 0.3 * 0.3 * 4, 0.16, 1e-12);
}

TEST(Rounding, DescentComesNearTheBestOfAllIntegers) {
  double nearest = 0, descent = 0, adaround = 0, best = 0;
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    const Case c(6, seed, 3);
    const float scale = c.scale();
    const double all = least_of_all(c, scale);
    const double of_descent = reconstruction_error(c.problem, round_by_descent(c.problem, scale));
    EXPECT_GE(of_descent, all - 1e-12) << seed;
    nearest += reconstruction_error(c.problem, round_to_nearest(c.problem, scale)) - all;
    descent += of_descent - all;
    adaround += reconstruction_error(c.problem, round_by_adaround(c.problem, scale, 2000)) - all;
    best += std::abs(all);
  }
  EXPECT_LT(descent, 0.2 * nearest) << "of " << best;
  EXPECT_LT(adaround, 0.7 * nearest);
}

TEST(Rounding, DescentLeavesNoStepOfOneThatGains) {
  const Case c(40, 3, 7);
  const RoundedWeights found = round_by_descent(c.problem, c.scale());
  double damping = 0;
  for (size_t i = 0; i < 40; ++i) damping += 0.01 * c.gram[i * 40 + i] / 40;
  const auto cost = [&](const RoundedWeights& w) {
    double stray = 0;
    for (size_t i = 0; i < 40; ++i) stray += std::pow(w.values[i] - static_cast<double>(c.weights[i]) / w.scale, 2);
    return reconstruction_error(c.problem, w) + damping * std::pow(w.scale * Case::kInput, 2) * stray;
  };
  for (size_t i = 0; i < 40; ++i)
    for (const int32_t step : {-1, 1}) {
      RoundedWeights other = found;
      if (std::abs(other.values[i] += step) > 7) continue;
      EXPECT_GE(cost(other), cost(found) - 1e-9) << i;
    }
}

TEST(Rounding, AdaRoundGoesUpOrDownOnly) {
  const Case c(12, 5, 7);
  const RoundedWeights found = round_by_adaround(c.problem, c.scale(), 500);
  for (size_t i = 0; i < 12; ++i) {
    const double exact = c.weights[i] / c.scale();
    EXPECT_TRUE(found.values[i] == std::floor(exact) || found.values[i] == std::ceil(exact)) << i << " " << exact;
  }
}

TEST(Rounding, KeepsPrunedWeightsAndTheGridsEnds) {
  Case c(16, 7, 1);
  for (const size_t i : {0, 5, 9}) c.weights[i] = 0;
  c.problem.weights = c.weights;
  for (const RoundedWeights& w :
       {round_by_descent_and_scale(c.problem, c.scale(), 0), round_by_adaround(c.problem, c.scale(), 300)}) {
    for (const size_t i : {0, 5, 9}) EXPECT_EQ(w.values[i], 0);
    for (const int32_t q : w.values) EXPECT_LE(std::abs(q), 1);
  }
}

TEST(Rounding, TriesSmallerScalesWithinTheLimit) {
  const Case c(24, 11, 1);  // three levels: the largest weight makes a poor scale
  const float scale = c.scale();
  const RoundedWeights fixed = round_by_descent(c.problem, scale),
                       free = round_by_descent_and_scale(c.problem, scale, 0);
  EXPECT_LT(reconstruction_error(c.problem, free), reconstruction_error(c.problem, fixed));
  EXPECT_EQ(round_by_descent_and_scale(c.problem, scale, scale).scale, scale);
}

TEST(Rounding, RefusesNamesThatAreNone) {
  EXPECT_EQ(rounding("adaround"), Rounding::adaround);
  EXPECT_THROW(rounding("up"), ArgumentError);
}

}  // namespace
}  // namespace pith::compress
