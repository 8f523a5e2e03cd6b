#include "compress/schedule/timing.h"

#include <gtest/gtest.h>

#include "compress/schedule/scheduler.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

TEST(Timing, IsAListOfEpochs) {
  const Timing t(std::vector<int64_t>{2, 3, 7});
  EXPECT_TRUE(t.acts(3));
  EXPECT_FALSE(t.acts(4));
  EXPECT_TRUE(t.in_force(4));
  EXPECT_FALSE(t.in_force(8));
  EXPECT_EQ(t.last(), 7);
  EXPECT_EQ(t.way(2), 0);
  EXPECT_DOUBLE_EQ(t.way(3), 0.2);
  EXPECT_EQ(t.way(7), 1);
}

TEST(Timing, RefusesTimesThatMakeNoSense) {
  EXPECT_THROW(Timing(Period{3, 3, 1}), ArgumentError);
  EXPECT_THROW(Timing(Period{-1, 3, 1}), ArgumentError);
  EXPECT_THROW(Timing(Period{0, 3, 0}), ArgumentError);
  EXPECT_THROW(Timing(std::vector<int64_t>{}), ArgumentError);
  EXPECT_THROW(Timing(std::vector<int64_t>{-1}), ArgumentError);
  EXPECT_THROW(Timing(std::vector<int64_t>{1, 1}), ArgumentError);
}

TEST(ScheduledRate, BeginsItsOwnTimeAtItsStartAndStaysAtItsEnd) {
  Schedule s;
  s.policies.push_back({"rate", Timing(Period{10, 20, 1}), RateUse{"exponential:gamma=0.5"}});
  const auto rate = make_rate_policy(s, 0.8, 100);
  const auto at = [&](int64_t epoch) { return rate->at({epoch, 3, 5, 100}); };
  EXPECT_DOUBLE_EQ(at(0), 0.8);
  EXPECT_DOUBLE_EQ(at(10), 0.8);
  EXPECT_DOUBLE_EQ(at(12), 0.2);
  EXPECT_DOUBLE_EQ(at(50), at(19));
  EXPECT_EQ(make_rate_policy(Schedule{}, 0.8, 100), nullptr);
}

}  // namespace
}  // namespace pith::compress
