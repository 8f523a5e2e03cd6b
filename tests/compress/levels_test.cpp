#include "compress/levels.h"

#include <gtest/gtest.h>

#include "tensor/error.h"

namespace pith::compress {
namespace {

TEST(Period, ActsFromItsStartEveryFrequencyBelowItsEnd) {
  const Period p{2, 9, 3};
  std::vector<int64_t> acting;
  for (int64_t e = 0; e < 12; ++e)
    if (p.acts(e)) acting.push_back(e);
  EXPECT_EQ(acting, (std::vector<int64_t>{2, 5, 8}));
  EXPECT_EQ(p.last(), 8);
  EXPECT_EQ((Period{2, 8, 3}.last()), 5);
}

TEST(Level, GoesFromTheFirstToTheLastAlongEveryCurve) {
  for (const Curve c : {Curve::linear, Curve::cubic, Curve::exponential, Curve::cosine}) {
    EXPECT_NEAR(level_at(c, 0.1, 0.9, 0), 0.1, 1e-15) << name(c);
    EXPECT_NEAR(level_at(c, 0.1, 0.9, 1), 0.9, 1e-15) << name(c);
    double before = 0;
    for (int i = 0; i <= 20; ++i) {
      EXPECT_GT(level_at(c, 0.1, 0.9, i / 20.0), before) << name(c);
      before = level_at(c, 0.1, 0.9, i / 20.0);
    }
  }
  EXPECT_EQ(level_at(Curve::constant, 0.1, 0.9, 0), 0.9);
}

TEST(Level, IsWhatTheFormulasSayHalfWay) {
  EXPECT_DOUBLE_EQ(level_at(Curve::linear, 0.1, 0.9, 0.5), 0.5);
  EXPECT_DOUBLE_EQ(level_at(Curve::cubic, 0.1, 0.9, 0.5), 0.9 - 0.8 / 8);
  EXPECT_DOUBLE_EQ(level_at(Curve::cosine, 0.1, 0.9, 0.5), 0.5);
  EXPECT_DOUBLE_EQ(level_at(Curve::exponential, 0, 0.75, 0.5), 0.5);
}

TEST(Level, StaysAtItsEnds) {
  EXPECT_EQ(level_at(Curve::linear, 0.1, 0.9, -3), 0.1);
  EXPECT_EQ(level_at(Curve::linear, 0.1, 0.9, 3), 0.9);
}

TEST(Level, RefusesLevelsThatAreNoShares) {
  EXPECT_THROW(level_at(Curve::cubic, -0.1, 0.5, 0), ArgumentError);
  EXPECT_THROW(level_at(Curve::cubic, 0, 1.5, 0), ArgumentError);
  EXPECT_THROW(level_at(Curve::exponential, 0, 1, 0), ArgumentError);
}

TEST(Level, IsFinalAtOnceWhereThePeriodActsOnce) {
  EXPECT_EQ(agp_level(0.1, 0.8, {3, 4, 1}, 3), 0.8);
  EXPECT_EQ(agp_level(0.1, 0.8, {3, 5, 7}, 3), 0.8);
}

TEST(Level, ReachesItsEndAtTheLastEpochInWhichThePeriodActs) {
  const Period p{1, 40, 2};
  EXPECT_EQ(agp_level(0.05, 0.9, p, static_cast<double>(p.last())), 0.9);
}

}  // namespace
}  // namespace pith::compress
