#include "data/digits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pith::data {
namespace {

bool equal(const Dataset& a, int64_t i, const Dataset& b, int64_t j) {
  return a.label(i) == b.label(j) && std::ranges::equal(a.pixels(i), b.pixels(j));
}

TEST(Digits, AreAFunctionOfSeedAndNumber) {
  const auto all = draw_digits(0, 300, 5), tail = draw_digits(137, 100, 5), other = draw_digits(0, 300, 6);
  for (int64_t i = 0; i < 100; ++i) EXPECT_TRUE(equal(*tail, i, *all, 137 + i)) << i;
  for (int64_t i = 0; i < 300; ++i) EXPECT_FALSE(equal(*other, i, *all, i)) << i;
}

TEST(Digits, AreTheSameAtAnyThreadCount) {
  const int before = threads();
  set_threads(1);
  const auto one = draw_digits(0, 200, 1);
  for (const int n : {2, 3, 8}) {
    set_threads(n);
    const auto many = draw_digits(0, 200, 1);
    for (int64_t i = 0; i < 200; ++i) EXPECT_TRUE(equal(*one, i, *many, i)) << n << " threads, picture " << i;
  }
  set_threads(before);
}

TEST(Digits, ComeInEqualSharesOfTenClasses) {
  const auto d = draw_digits(3, 50, 0);
  EXPECT_EQ(d->classes().size(), 10u);
  EXPECT_EQ(d->image_shape(), (Shape{1, 28, 28}));
  for (int64_t i = 0; i < 50; ++i) EXPECT_EQ(d->label(i), (i + 3) % 10);
}

TEST(Digits, HaveTheNormalizationTheyClaim) {
  const DataSource d = open_data("digits");
  ASSERT_EQ(d.train->size(), 10000);
  ASSERT_EQ(d.test->size(), 2000);
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < d.train->size(); ++i)
    for (const uint8_t v : d.train->pixels(i)) sum += v, squares += static_cast<double>(v) * v;
  const double n = 10000.0 * 784, mean = sum / n / 255;
  EXPECT_NEAR(mean, d.normalization.mean[0], 2e-4);
  EXPECT_NEAR(std::sqrt(squares / n / 65025 - mean * mean), d.normalization.deviation[0], 2e-4);
}

TEST(Digits, RefuseCountsThatCannotBeDrawn) {
  EXPECT_THROW(draw_digits(0, 0, 1), ArgumentError);
  EXPECT_THROW(draw_digits(-1, 5, 1), ArgumentError);
}

/// Softmax regression by plain gradient steps: the linear model that this data must resist.
class LinearModel {
 public:
  static constexpr size_t kInputs = 784, kClasses = 10;

  void train(const Dataset& d, const std::vector<int64_t>& order, float rate) {
    for (const int64_t i : order) {
      const auto x = inputs(d, i);
      auto p = logits(x);
      const float top = *std::max_element(p.begin(), p.end());
      float sum = 0;
      for (float& v : p) sum += v = std::exp(v - top);
      for (float& v : p) v /= sum;
      p[static_cast<size_t>(d.label(i))] -= 1;
      for (size_t c = 0; c < kClasses; ++c)
        for (size_t j = 0; j <= kInputs; ++j) weights_[c][j] -= rate * p[c] * x[j];
    }
  }
  double accuracy(const Dataset& d) const {
    int64_t right = 0;
    for (int64_t i = 0; i < d.size(); ++i) {
      const auto p = logits(inputs(d, i));
      right += std::max_element(p.begin(), p.end()) - p.begin() == d.label(i);
    }
    return static_cast<double>(right) / static_cast<double>(d.size());
  }

 private:
  static std::array<float, kInputs + 1> inputs(const Dataset& d, int64_t i) {
    std::array<float, kInputs + 1> x;
    for (size_t j = 0; j < kInputs; ++j) x[j] = (static_cast<float>(d.pixels(i)[j]) / 255 - 0.22f) / 0.227f;
    x[kInputs] = 1;
    return x;
  }
  std::array<float, kClasses> logits(const std::array<float, kInputs + 1>& x) const {
    std::array<float, kClasses> z{};
    for (size_t c = 0; c < kClasses; ++c)
      for (size_t j = 0; j <= kInputs; ++j) z[c] += weights_[c][j] * x[j];
    return z;
  }
  std::vector<std::array<float, kInputs + 1>> weights_ = std::vector<std::array<float, kInputs + 1>>(kClasses);
};

TEST(Digits, StayBelow95PercentForALinearModel) {
  const DataSource d = open_data("digits");
  LinearModel model;
  for (uint32_t epoch = 0; epoch < 6; ++epoch)
    model.train(*d.train, permutation(d.train->size(), {.seed = 1, .epoch = epoch}),
                1e-3f / static_cast<float>(1 + epoch));
  const double accuracy = model.accuracy(*d.test);
  RecordProperty("linear_accuracy", std::to_string(accuracy));
  EXPECT_LT(accuracy, 0.95);
  EXPECT_GT(accuracy, 0.60) << "a linear model learns something; if not, the digits are noise";
}

}  // namespace
}  // namespace pith::data
