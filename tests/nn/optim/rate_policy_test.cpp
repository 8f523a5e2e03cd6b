#include "nn/optim/rate_policy.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/error.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"

namespace pith::nn {
namespace {

/// The rate before each of `epochs` epochs of one step.
std::vector<double> per_epoch(const std::string& line, double rate, int64_t epochs) {
  const auto policy = make_rate_policy(line, rate, epochs);
  std::vector<double> rates;
  for (int64_t e = 0; e < epochs; ++e)
    rates.push_back(policy->at({.epoch = e, .step = 0, .steps_per_epoch = 1, .epochs = epochs}));
  return rates;
}

void expect_rates(const std::string& line, double rate, const std::vector<double>& expected) {
  const std::vector<double> rates = per_epoch(line, rate, static_cast<int64_t>(expected.size()));
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(rates[i], expected[i], 1e-12) << line << " epoch " << i;
}

TEST(RatePolicy, FollowsPyTorchEpochByEpoch) {
  for (const auto& [line, expected] : test::read_golden("rates.txt"))
    if (line.find("plateau") != 0) expect_rates(line, 0.5, expected);
}

TEST(RatePolicy, FollowsDistillersGoldenVectors) {
  expect_rates("polynomial:power=2", 1, {1.0, 0.81, 0.64, 0.49, 0.36, 0.25, 0.16, 0.09, 0.04, 0.01});
  expect_rates("multigamma:milestones=2/4/6,gammas=0.1/0.1/0.2", 1, {1, 1, 0.1, 0.1, 0.01, 0.01, 0.002, 0.002});
}

TEST(RatePolicy, StaysWhereItIsConstant) { expect_rates("constant", 0.3, {0.3, 0.3, 0.3}); }

TEST(RatePolicy, FallsOnAPlateauAsPyTorchDoes) {
  const test::Golden golden = test::read_golden("rates.txt");
  const std::string line = "plateau:factor=0.5,patience=1,threshold=1e-4,min=0.1";
  const auto policy = make_rate_policy(line, 0.5, 12);
  for (size_t i = 0; i < golden.at(line).size(); ++i) {
    EXPECT_NEAR(policy->at({}), golden.at(line)[i], 1e-12) << "epoch " << i;
    policy->after_epoch(golden.at("plateau.losses")[i]);
  }
}

TEST(RatePolicy, GoesOnFromThreeNumbersOfAPlateau) {
  const std::string line = "plateau:factor=0.5,patience=1";
  const auto whole = make_rate_policy(line, 1, 20);
  for (int e = 0; e < 20; ++e) {
    const auto resumed = make_rate_policy(line, 1, 20);
    resumed->set_state(whole->state());
    const double loss = 1 + std::sin(e);
    whole->after_epoch(loss);
    resumed->after_epoch(loss);
    EXPECT_EQ(resumed->state(), whole->state());
    for (const double number : whole->state()) EXPECT_TRUE(std::isfinite(number));
  }
  EXPECT_LT(whole->at({}), 1);
}

TEST(RatePolicy, RefusesAStateOfAnotherLength) {
  EXPECT_THROW(make_rate_policy("plateau", 1, 2)->set_state({1, 2}), FormatError);
}

TEST(RatePolicy, TakesANotANumberLossForNoProgress) {
  const auto policy = make_rate_policy("plateau:factor=0.5,patience=0", 1, 5);
  policy->after_epoch(1);
  policy->after_epoch(std::nan(""));
  EXPECT_EQ(policy->at({}), 0.5);
}

TEST(RatePolicy, WarmsUpLinearlyStepByStep) {
  const auto policy = make_rate_policy("constant:warmup=2", 0.8, 10);
  const auto at = [&](int64_t epoch, int64_t step) {
    return policy->at({.epoch = epoch, .step = step, .steps_per_epoch = 4, .epochs = 10});
  };
  EXPECT_NEAR(at(0, 0), 0.8 / 8, 1e-15);
  EXPECT_NEAR(at(0, 1), 0.8 * 2 / 8, 1e-15);
  EXPECT_NEAR(at(1, 3), 0.8, 1e-15);
  EXPECT_NEAR(at(5, 0), 0.8, 1e-15);
}

TEST(RatePolicy, WarmsUpAndFallsAtOnce) {
  const auto policy = make_rate_policy("step:size=2,gamma=0.1,warmup=1", 1, 4);
  EXPECT_NEAR(policy->at({.epoch = 0, .step = 1, .steps_per_epoch = 4, .epochs = 4}), 0.5, 1e-15);
  EXPECT_NEAR(policy->at({.epoch = 2, .step = 0, .steps_per_epoch = 4, .epochs = 4}), 0.1, 1e-15);
}

TEST(RatePolicy, BendsWithinTheEpochWhereItIsSmooth) {
  const auto cosine = make_rate_policy("cosine", 1, 2);
  EXPECT_NEAR(cosine->at({.epoch = 1, .step = 0, .steps_per_epoch = 10, .epochs = 2}), 0.5, 1e-12);
  EXPECT_LT(cosine->at({.epoch = 0, .step = 5, .steps_per_epoch = 10, .epochs = 2}), 1);
}

TEST(RatePolicy, StaysAboveZeroAtEveryStep) {
  for (const char* line : {"cosine", "polynomial:power=2", "onecycle", "exponential:gamma=0.5", "cosine:warmup=3"}) {
    const auto policy = make_rate_policy(line, 0.1, 10);
    for (int64_t e = 0; e < 10; ++e)
      for (int64_t s = 0; s < 7; ++s)
        EXPECT_GT(policy->at({.epoch = e, .step = s, .steps_per_epoch = 7, .epochs = 10}), 0) << line << e << s;
  }
}

TEST(RatePolicy, SaysWhichWordItDidNotUnderstand) {
  const auto why = [](const char* line) {
    return test::message_of<ArgumentError>([&] { make_rate_policy(line, 0.1, 10); });
  };
  EXPECT_NE(why("linear").find("there is no policy \"linear\"; there are constant, step"), std::string::npos);
  EXPECT_NE(why("step:size=2,gama=1").find("no setting \"gama\"; step takes size, gamma, warmup"), std::string::npos);
  EXPECT_NE(why("step").find("needs size=NUMBER"), std::string::npos);
  EXPECT_NE(why("step:size=x").find("size=x is not a finite number"), std::string::npos);
  EXPECT_NE(why("step:size=2,size=3").find("given twice"), std::string::npos);
  EXPECT_NE(why("step:size").find("not of the form setting=value"), std::string::npos);
  EXPECT_NE(why("step:size=0").find("must be above 0"), std::string::npos);
  EXPECT_NE(why("multistep:milestones=5/2").find("do not rise"), std::string::npos);
  EXPECT_NE(why("multigamma:milestones=5,gammas=1/2").find("1 milestones but 2 gammas"), std::string::npos);
  EXPECT_NE(why("exponential:gamma=nan").find("not a finite number"), std::string::npos);
  EXPECT_NE(why("cosine:min=2").find("between 0 and the rate"), std::string::npos);
  EXPECT_NE(why("onecycle:warm=1").find("warm must lie"), std::string::npos);
  EXPECT_NE(why("plateau:factor=1").find("factor must lie"), std::string::npos);
  EXPECT_NE(why("constant:warmup=-1").find("warmup must not"), std::string::npos);
  EXPECT_NE(why("").find("there is no policy \"\""), std::string::npos);
}

TEST(RatePolicy, RefusesARateThatIsNotANumberAboveZero) {
  for (const double rate : {0.0, -1.0, std::nan(""), HUGE_VAL})
    EXPECT_THROW(make_rate_policy("constant", rate, 1), ArgumentError);
  EXPECT_THROW(make_rate_policy("constant", 0.1, 0), ArgumentError);
}

}  // namespace
}  // namespace pith::nn
