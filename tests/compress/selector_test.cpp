#include "compress/selector.h"

#include <gtest/gtest.h>

#include "tensor/error.h"

namespace pith::compress {
namespace {

TEST(Selector, IsANameAlone) {
  const Selector s("layer1.0.conv1.weight");
  EXPECT_TRUE(s.is_name());
  EXPECT_TRUE(s.matches("layer1.0.conv1.weight"));
  EXPECT_FALSE(s.matches("conv1.weight"));  // the model's sensitivity study matches inside names, by mistake
  EXPECT_FALSE(Selector("conv1.weight").matches("layer1.0.conv1.weight"));
}

TEST(Selector, IsAGlob) {
  const Selector s("layer*.conv?.weight");
  EXPECT_FALSE(s.is_name());
  EXPECT_TRUE(s.matches("layer1.0.conv2.weight"));
  EXPECT_FALSE(s.matches("layer1.0.conv.weight"));
  EXPECT_TRUE(Selector("layer[1-2].*").matches("layer2.x"));
  EXPECT_FALSE(Selector("layer[1-2].*").matches("layer3.x"));
  EXPECT_TRUE(Selector("*").is_default());
}

TEST(Selector, LetsAStarTakeAsMuchAsItMust) {
  EXPECT_TRUE(glob_matches("*a*b", "xaabab"));
  EXPECT_FALSE(glob_matches("*a*b", "xaabac"));
  EXPECT_TRUE(glob_matches("**", ""));
  EXPECT_FALSE(glob_matches("?", ""));
  EXPECT_FALSE(glob_matches("[abc", "a"));
  EXPECT_TRUE(glob_matches(std::string(50, '*') + "b", std::string(200, 'a') + "b"));  // and at once
}

TEST(Selector, IsARegularExpressionForTheWholeName) {
  const Selector s("/layer[12]\\..*\\.weight/");
  EXPECT_TRUE(s.matches("layer1.0.conv1.weight"));
  EXPECT_FALSE(s.matches("x.layer1.0.conv1.weight"));
}

TEST(Selector, RefusesWhatSelectsNothing) {
  EXPECT_THROW(Selector(""), ArgumentError);
  EXPECT_THROW(Selector("/layer(/"), ArgumentError);
}

}  // namespace
}  // namespace pith::compress
