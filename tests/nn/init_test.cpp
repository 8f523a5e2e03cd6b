#include "nn/init.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/embedding.h"
#include "nn/layers/linear.h"
#include "nn/layers/lstm.h"

namespace pith::nn {
namespace {

struct Moments {
  double mean, deviation, largest;
};
Moments moments(const Parameter& p) {
  double sum = 0, squares = 0, largest = 0;
  for (const double v : p.value().to_vector<double>()) {
    sum += v;
    squares += v * v;
    largest = std::max(largest, std::abs(v));
  }
  const double n = static_cast<double>(p.value().numel());
  return {sum / n, std::sqrt(squares / n), largest};
}

/// Uniform in +-bound: deviation bound / sqrt 3, the largest near the bound.
void expect_uniform(const Parameter& p, double bound) {
  const Moments m = moments(p);
  EXPECT_NEAR(m.mean, 0, 5 * bound / std::sqrt(3 * static_cast<double>(p.value().numel())));
  EXPECT_NEAR(m.deviation, bound / std::sqrt(3), 0.05 * bound);
  EXPECT_LE(m.largest, bound);
  EXPECT_GT(m.largest, 0.95 * bound);
}

TEST(Init, FillsLinearAsPyTorchDoes) {
  Linear layer(100, 400);
  initialize(layer, 1);
  expect_uniform(layer.weight(), 0.1);
  expect_uniform(*layer.bias(), 0.1);
}

TEST(Init, FillsConvolutionsAsPyTorchDoes) {
  Conv2d layer(16, 400, square(5, 1, true));
  initialize(layer, 1);
  expect_uniform(layer.weight(), 1 / std::sqrt(16 * 25.0));
  expect_uniform(*layer.bias(), 1 / std::sqrt(16 * 25.0));
}

TEST(Init, FillsConvolutionsByFanOut) {
  Conv2d layer(30, 64, square(3, 1, true));
  initialize(layer, 1, Init::fan_out);
  EXPECT_NEAR(moments(layer.weight()).deviation, std::sqrt(2 / (9.0 * 64)), 0.002);
  EXPECT_EQ(moments(*layer.bias()).largest, 0);
}

TEST(Init, FillsEmbeddingAndLstm) {
  Embedding words(300, 20);
  initialize(words, 1);
  EXPECT_NEAR(moments(words.weight()).deviation, 1, 0.05);
  Lstm lstm(30, 25, {.layers = 2});
  initialize(lstm, 1);
  lstm.visit_own_parameters([](Parameter& p) {
    EXPECT_LE(moments(p).largest, 0.2);
    EXPECT_GT(moments(p).largest, 0.15);
  });
}

TEST(Init, LeavesBatchNormAtOneAndZero) {
  BatchNorm2d norm(3);
  initialize(norm, 1);
  EXPECT_EQ(norm.weight().value().to_vector<float>(), (std::vector<float>{1, 1, 1}));
  EXPECT_EQ(norm.bias().value().to_vector<float>(), (std::vector<float>{0, 0, 0}));
}

TEST(Init, GivesEveryParameterItsOwnNumbers) {
  Lstm lstm(8, 8, {.layers = 3});
  initialize(lstm, 1);
  std::set<std::vector<float>> seen;
  lstm.visit_own_parameters([&](Parameter& p) { seen.insert(p.value().to_vector<float>()); });
  EXPECT_EQ(seen.size(), 12u);
}

}  // namespace
}  // namespace pith::nn
