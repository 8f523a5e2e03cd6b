#include "compress/ranking.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/error.h"

namespace pith::compress {
namespace {

using Flags = std::vector<uint8_t>;

TEST(Ranking, PrunesTheShareRoundedDown) {
  EXPECT_EQ(pruned_count(432, 0.9), 388);
  EXPECT_EQ(pruned_count(7, 0.5), 3);
  EXPECT_EQ(pruned_count(7, 0.5, {.rounding = RankOptions::Rounding::up}), 4);
  EXPECT_EQ(pruned_count(5, 0), 0);
  EXPECT_EQ(pruned_count(5, 1), 5);
}

TEST(Ranking, TakesAProductThatIsAWholeNumberButForRoundingAsThatNumber) {
  EXPECT_LT(0.29 * 100, 29.0);
  EXPECT_EQ(pruned_count(100, 0.29), 29);
  EXPECT_GT(1.1 * 0.1 * 100, 11.0);
  EXPECT_EQ(pruned_count(100, 1.1 * 0.1, {.rounding = RankOptions::Rounding::up}), 11);
}

TEST(Ranking, NeverPrunesAllUnlessTheLevelIsOne) {
  EXPECT_EQ(pruned_count(4, 0.999, {.rounding = RankOptions::Rounding::up}), 3);
  EXPECT_EQ(pruned_count(1, 0.999), 0);
}

TEST(Ranking, PrunesByMultiples) {
  EXPECT_EQ(pruned_count(64, 0.5, {.multiple = 24}), 24);
  EXPECT_EQ(pruned_count(64, 0.1, {.multiple = 8}), 0);
}

TEST(Ranking, RefusesLevelsThatAreNoShares) {
  for (const double level : {-0.1, 1.1, std::nan("")}) EXPECT_THROW(pruned_count(5, level), ArgumentError) << level;
  EXPECT_THROW(pruned_count(5, 0.5, {.multiple = 0}), ArgumentError);
}

TEST(Ranking, LetsTiesFallToTheLowerIndex) {
  EXPECT_EQ(keep_highest(std::vector<double>{2, 1, 1, 1}, 2), (Flags{1, 0, 0, 1}));
  EXPECT_EQ(keep_highest(std::vector<double>(5, 7), 3), (Flags{0, 0, 0, 1, 1}));
}

TEST(Ranking, KeepsAllOrNoneAtTheEnds) {
  EXPECT_EQ(keep_highest(std::vector<double>{3, 1}, 0), (Flags{1, 1}));
  EXPECT_EQ(keep_highest(std::vector<double>{3, 1}, 2), (Flags{0, 0}));
  EXPECT_EQ(keep_highest({}, 0), Flags{});
}

TEST(Ranking, RefusesScoresThatAreNoNumbers) {
  EXPECT_THROW(keep_highest(std::vector<double>{1, std::nan("")}, 1), NumericError);
}

TEST(Ranking, ChangesTheChoiceByNoiseOfItsKeyAlone) {
  const std::vector<double> scores(64, 1);
  const RankOptions noisy{.noise = 1, .key = {.seed = 5, .purpose = Purpose::mask}};
  EXPECT_NE(with_noise(scores, noisy), scores);
  EXPECT_EQ(with_noise(scores, noisy), with_noise(scores, noisy));
  EXPECT_EQ(with_noise(scores, {}), scores);
}

TEST(Ranking, AddsNoiseAsOftenAsAsked) {
  int changed = 0;
  for (uint64_t item = 0; item < 1000; ++item)
    changed += with_noise({1, 2}, {.noise = 0.3, .key = {.purpose = Purpose::mask, .item = item}})[0] != 1;
  EXPECT_NEAR(changed, 300, 60);  // four deviations
}

}  // namespace
}  // namespace pith::compress
