#include "compress/pruners/hybrid.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/error.h"

namespace pith::compress {
namespace {

using Scores = std::vector<double>;

TEST(HybridRanking, TurnsScoresIntoRanksFromZeroToOne) {
  EXPECT_EQ(ranks_of({30, -1, 7}), (Scores{1, 0, 0.5}));
  EXPECT_EQ(ranks_of({5, 5, 1, 9, 5}), (Scores{0.5, 0.5, 0, 1, 0.5}));  // places 1, 2, 3 share 2 of 4
  EXPECT_EQ(ranks_of({4}), (Scores{1}));
  EXPECT_TRUE(ranks_of({}).empty());
  EXPECT_THROW(ranks_of({1, std::nan("")}), NumericError);
}

TEST(HybridRanking, IsBlindToTheScaleOfACriterion) {
  const std::vector<Scores> criteria = {{1, 2, 3}, {3e9, 1e9, 2e9}};
  EXPECT_EQ(hybrid_scores(criteria, Scores{1, 1}), (Scores{1, 0.5, 1.5}));
  EXPECT_EQ(hybrid_scores(criteria, Scores{1, 0}), (Scores{0, 0.5, 1}));
  EXPECT_EQ(hybrid_scores(criteria, Scores{1, 3}), (Scores{3, 0.5, 2.5}));
}

TEST(HybridRanking, RefusesWeightsThatSayNothing) {
  const std::vector<Scores> criteria = {{1, 2}, {2, 1}}, uneven = {{1, 2}, {1}};
  EXPECT_THROW(hybrid_scores(criteria, Scores{0, 0}), ArgumentError);
  EXPECT_THROW(hybrid_scores(criteria, Scores{-1, 2}), ArgumentError);
  EXPECT_THROW(hybrid_scores(criteria, Scores{1}), ArgumentError);
  EXPECT_THROW(hybrid_scores(uneven, Scores{1, 1}), ArgumentError);
  EXPECT_THROW(hybrid_scores({}, {}), ArgumentError);
}

}  // namespace
}  // namespace pith::compress
