#include "apps/evaluate.h"

#include <gtest/gtest.h>

#include <cmath>

namespace pith::apps {
namespace {

Score score_of(const std::vector<float>& logits, const std::vector<int32_t>& labels) {
  Score score;
  const int64_t n = std::ssize(labels);
  add_batch(score, Tensor::from(logits, Shape{n, std::ssize(logits) / n}), Tensor::from(labels, Shape{n}));
  return score;
}

TEST(Score, CountsTheLargestLogitAsTopOne) {
  const Score score = score_of({1, 3, 2, /**/ 5, 4, 6}, {1, 0});
  EXPECT_EQ(score.seen, 2);
  EXPECT_EQ(score.correct, 1);
  EXPECT_EQ(score.top1(), 50.0);
}

TEST(Score, CountsTheFiveLargestAsTopFive) {
  EXPECT_EQ(score_of({6, 5, 4, 3, 2, 1}, {4}).correct5, 1);
  EXPECT_EQ(score_of({6, 5, 4, 3, 2, 1}, {5}).correct5, 0);
}

TEST(Score, GivesEqualLogitsToTheLowerClass) {
  EXPECT_EQ(score_of({2, 2}, {0}).correct, 1);
  EXPECT_EQ(score_of({2, 2}, {1}).correct, 0);
}

TEST(Score, NeverCountsALogitThatIsNotANumber) {
  EXPECT_EQ(score_of({NAN, 1}, {0}).correct, 0);
  EXPECT_EQ(score_of({NAN, 1}, {1}).correct, 0);
  EXPECT_EQ(score_of({NAN, NAN, NAN, NAN, NAN, NAN}, {0}).correct5, 0);
}

TEST(Score, HasTheCrossEntropyOfTheDefinition) {
  EXPECT_NEAR(score_of({0, 0, 0, 0}, {2}).loss(), std::log(4.0), 1e-12);
  EXPECT_NEAR(score_of({1, 0}, {0}).loss(), std::log(1 + std::exp(-1.0)), 1e-12);
}

TEST(Score, KeepsTheLossFiniteForLargeLogits) { EXPECT_NEAR(score_of({1000, 0}, {1}).loss(), 1000, 1e-9); }

}  // namespace
}  // namespace pith::apps
