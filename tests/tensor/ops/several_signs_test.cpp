// Truth: hand arithmetic, and Eigen's least squares over the signs written out.
#include "tensor/ops/several_signs.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/error.h"
#include "tensor/ops/weight_levels.h"
#include "tensor/random.h"
#include "tests/support/oracle.h"

namespace pith {
namespace {

using Numbers = std::vector<double>;
using ops::several_signs;
using ops::SeveralSigns;

std::vector<int64_t> levels(const SeveralSigns& s, const Numbers& row) {
  std::vector<int64_t> q;
  for (const double w : row) q.push_back(s.level(w));
  return q;
}

TEST(SeveralSigns, AreThoseOfARowByHand) {
  const Numbers row{-3, -1, 1, 3};  // mean 0, standard deviation sqrt(5)
  const SeveralSigns three = several_signs<double>(row, 3, 3);
  ASSERT_EQ(three.thresholds.size(), 3);
  EXPECT_DOUBLE_EQ(three.thresholds[0], -std::sqrt(5.0));
  EXPECT_DOUBLE_EQ(three.thresholds[1], 0);
  EXPECT_DOUBLE_EQ(three.thresholds[2], std::sqrt(5.0));
  EXPECT_EQ(three.alphas, (Numbers{1, 1, 1}));
  EXPECT_EQ(three.factors, (std::vector<int64_t>{1, 1, 1}));
  EXPECT_EQ(levels(three, row), (std::vector<int64_t>{-3, -1, 1, 3}));

  const SeveralSigns finer = several_signs<double>(row, 3, 7);  // 7/3 each: 2 and 2 and 2, and one left for the first
  EXPECT_EQ(finer.factors, (std::vector<int64_t>{3, 2, 2}));
  EXPECT_EQ(levels(finer, row), (std::vector<int64_t>{-7, -1, 3, 7}));
  const Tensor step = ops::several_sign_steps(Tensor::from(row, {1, 4}), 3, 7);
  EXPECT_DOUBLE_EQ(step.item(), (21.0 + 1 + 3 + 21) / (49 + 1 + 9 + 49));
}

/// The paper's alphas: (B^T B)^-1 B^T w. Coinciding signs leave them open, so what is compared is the fit.
TEST(SeveralSigns, AreLeastSquares) {
  Random random({.seed = 3, .purpose = Purpose::test});
  for (int round = 0; round < 200; ++round) {
    const int64_t count = 2 + random.below(6), size = 1 + random.below(round % 4 == 0 ? 5 : 60);
    Numbers row;
    const double shift = random.uniform() - 0.5;
    for (int64_t i = 0; i < size; ++i) row.push_back(random.normal() + shift);
    const SeveralSigns s = several_signs<double>(row, count, 1);
    Numbers signs;
    for (const double w : row)
      for (const double t : s.thresholds) signs.push_back(w >= t ? 1 : -1);
    const Numbers best = test::oracle::least_squares_fit(signs, row);
    for (size_t i = 0; i < row.size(); ++i) {
      double ours = 0;
      for (size_t m = 0; m < s.alphas.size(); ++m) ours += s.alphas[m] * signs[i * s.alphas.size() + m];
      EXPECT_NEAR(ours, best[i], 1e-9) << round << ": " << size << " weights, " << count << " signs";
    }
  }
}

TEST(SeveralSigns, HaveFactorsThatAddUp) {
  Random random({.seed = 4, .purpose = Purpose::test});
  for (const auto& [count, highest] :
       std::vector<std::pair<int64_t, int64_t>>{{3, 3}, {4, 7}, {5, 15}, {8, 127}, {5, 1}}) {
    Numbers row;
    for (int i = 0; i < 72; ++i) row.push_back(random.normal());
    const SeveralSigns s = several_signs<double>(row, count, highest);
    int64_t sizes = 0;
    double all = 0;
    for (size_t m = 0; m < s.factors.size(); ++m) sizes += std::abs(s.factors[m]), all += std::abs(s.alphas[m]);
    EXPECT_EQ(sizes, highest);
    for (size_t m = 0; m < s.factors.size(); ++m)
      EXPECT_LT(std::abs(static_cast<double>(s.factors[m]) - s.alphas[m] / all * static_cast<double>(highest)), 1);
    const Tensor w = Tensor::from(row, {1, 72}), step = ops::several_sign_steps(w, count, highest);
    const double most = static_cast<double>(highest);
    const Tensor q = ops::weight_levels(
        w, step, {.lowest = -most, .highest = most, .rule = ops::LevelRule::several_signs, .signs = count});
    for (size_t i = 0; i < row.size(); ++i)
      EXPECT_EQ(q.to_vector<double>()[i], static_cast<double>(s.level(row[i])));
  }
}

TEST(SeveralSigns, LeaveOutWhatWasPruned) {
  const Numbers row{-3, 0, -1, 1, 0, 3}, kept{-3, -1, 1, 3};
  const SeveralSigns s = several_signs<double>(row, 3, 7), t = several_signs<double>(kept, 3, 7);
  EXPECT_EQ(s.thresholds, t.thresholds);
  EXPECT_EQ(s.factors, t.factors);
  EXPECT_EQ(levels(s, row), (std::vector<int64_t>{-7, 0, -1, 3, 0, 7}));
  EXPECT_EQ(ops::several_sign_steps(Tensor::from(row, {1, 6}), 3, 7).item(),
            ops::several_sign_steps(Tensor::from(kept, {1, 4}), 3, 7).item());
}

TEST(SeveralSigns, KnowRowsWithoutSpread) {
  for (const double v : {0.0, 0.5, -0.5}) {
    const Numbers row(4, v);
    const SeveralSigns s = several_signs<double>(row, 3, 3);
    const double step = ops::several_sign_steps(Tensor::from(row, {1, 4}), 3, 3).item();
    for (const int64_t q : levels(s, row)) EXPECT_NEAR(static_cast<double>(q) * step, v, 1e-12);
  }
  EXPECT_THROW(several_signs<double>(Numbers{1}, 1, 3), ArgumentError);
  EXPECT_THROW(several_signs<double>(Numbers{1}, 3, 0), ArgumentError);
  EXPECT_THROW(ops::several_sign_steps(Tensor::full({}, 1), 3, 3), ShapeError);
}

/// Rounding counts as the identity.
TEST(SeveralSigns, PassEveryGradient) {
  const Tensor w = Tensor::from(Numbers{-3, -1, 1, 30}, {1, 4}), step = Tensor::from(Numbers{0.5}, {1});
  const ops::WeightLevelGradients d = ops::weight_levels_gradient(
      w, step, {.lowest = -3, .highest = 3, .rule = ops::LevelRule::several_signs, .signs = 3},
      Tensor::from(Numbers{1, 2, 3, 4}, {1, 4}));
  EXPECT_EQ(d.w.to_vector<double>(), (Numbers{2, 4, 6, 8}));
  EXPECT_EQ(d.step.item(), 0);
}

}  // namespace
}  // namespace pith
