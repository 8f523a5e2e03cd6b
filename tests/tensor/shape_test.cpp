#include "tensor/shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tensor/error.h"
#include "tests/support/files.h"

namespace pith {
namespace {

using test::message_of;
using testing::HasSubstr;

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

TEST(Shape, CountsItsElements) {
  EXPECT_EQ(Shape{}.numel(), 1);
  EXPECT_EQ(Shape{}.rank(), 0);
  EXPECT_EQ((Shape{3, 4, 5}).numel(), 60);
  EXPECT_EQ((Shape{3, 0, 5}).numel(), 0);
  EXPECT_EQ((Shape{kMost}).numel(), kMost);
}

TEST(Shape, CountsAxesFromBothEnds) {
  const Shape s{2, 3, 5};
  EXPECT_EQ(s[0], 2);
  EXPECT_EQ(s[-1], 5);
  EXPECT_EQ(s[-3], 2);
  EXPECT_THROW(s[3], ShapeError);
  EXPECT_THROW(s[-4], ShapeError);
  EXPECT_THROW(Shape{}[0], ShapeError);
}

TEST(Shape, RefusesACountBeyond63Bits) {
  EXPECT_THROW((Shape{int64_t{1} << 32, int64_t{1} << 31}), ShapeError);
  EXPECT_THROW((Shape{kMost, 2}), ShapeError);
  EXPECT_NO_THROW((Shape{int64_t{1} << 31, int64_t{1} << 31}));
}

TEST(Shape, RefusesACountBeyond63BitsEvenBesideAZero) {
  EXPECT_THROW((Shape{0, kMost, 2}), ShapeError);
  EXPECT_THROW((Shape{kMost, 2, 0}), ShapeError);
}

TEST(Shape, RefusesNegativeExtentsAndSevenAxes) {
  EXPECT_THAT(message_of<ShapeError>([] { Shape{2, -1}; }), HasSubstr("axis 1 has a negative extent: -1"));
  EXPECT_THAT(message_of<ShapeError>([] { Shape{1, 1, 1, 1, 1, 1, 1}; }), HasSubstr("at most 6 axes, here are 7"));
}

TEST(Shape, ComparesRankAndExtents) {
  EXPECT_EQ((Shape{2, 3}), (Shape{2, 3}));
  EXPECT_FALSE((Shape{2, 3} == Shape{3, 2}));
  EXPECT_FALSE((Shape{2} == Shape{2, 1}));
  EXPECT_FALSE((Shape{} == Shape{0}));
  EXPECT_EQ((Shape{2, 3}.with(-1, 7)), (Shape{2, 7}));
}

TEST(Shape, IsWrittenInBrackets) {
  EXPECT_EQ(text(Shape{8, 3, 32, 32}), "[8, 3, 32, 32]");
  EXPECT_EQ(text(Shape{}), "[]");
}

TEST(Broadcast, FollowsNumPysRule) {
  EXPECT_EQ(broadcast({4, 1, 3}, {2, 1}, "add"), (Shape{4, 2, 3}));
  EXPECT_EQ(broadcast({}, {5}, "add"), (Shape{5}));
  EXPECT_EQ(broadcast({1}, {0}, "add"), (Shape{0}));
  EXPECT_EQ(broadcast({3, 1}, {1, 4}, "add"), (Shape{3, 4}));
}

TEST(Broadcast, NamesBothShapesWhenTheyDiffer) {
  const std::string said = message_of<ShapeError>([] { broadcast({2, 3}, {4, 3}, "add"); });
  EXPECT_EQ(said, "add: shapes [2, 3] and [4, 3] do not broadcast");
  EXPECT_THROW(broadcast({2}, {0}, "add"), ShapeError);
}

TEST(Broadcast, RefusesAResultBeyond63Bits) {
  EXPECT_THROW(broadcast({int64_t{1} << 32, 1}, {1, int64_t{1} << 32}, "add"), ShapeError);
}

TEST(WindowExtent, CountsPlacesOfAWindow) {
  EXPECT_EQ(window_extent(32, 3, 1, 1, 1, "conv2d"), 32);
  EXPECT_EQ(window_extent(32, 3, 2, 1, 1, "conv2d"), 16);
  EXPECT_EQ(window_extent(7, 3, 1, 0, 2, "conv2d"), 3);
  EXPECT_EQ(window_extent(3, 3, 5, 0, 1, "conv2d"), 1);
}

TEST(WindowExtent, RefusesWhatDoesNotFit) {
  EXPECT_THAT(message_of<ShapeError>([] { window_extent(2, 3, 1, 0, 1, "max_pool"); }),
              HasSubstr("max_pool: a window of 3 does not fit an input of 2"));
  EXPECT_THROW(window_extent(0, 1, 1, 0, 1, "conv2d"), ShapeError);
  EXPECT_THROW(window_extent(8, 0, 1, 0, 1, "conv2d"), ShapeError);
  EXPECT_THROW(window_extent(8, 1, 0, 0, 1, "conv2d"), ShapeError);
  EXPECT_THROW(window_extent(8, 1, 1, -1, 1, "conv2d"), ShapeError);
  EXPECT_THROW(window_extent(8, 1, 1, 0, 0, "conv2d"), ShapeError);
}

TEST(WindowExtent, DoesNotOverflowOnHostileNumbers) {
  EXPECT_THROW(window_extent(kMost, 3, 1, 1, 1, "conv2d"), ShapeError);
  EXPECT_THROW(window_extent(8, kMost, kMost, kMost, kMost, "conv2d"), ShapeError);
  EXPECT_EQ(window_extent(kMost, 1, 1, 0, 1, "conv2d"), kMost);
}

TEST(Conv2dShape, GivesTheOutputOfPyTorchsConvention) {
  EXPECT_EQ(conv2d_shape({8, 3, 32, 32}, {16, 3, 3, 3}, {.stride = {2, 1}, .padding = {1, 1}}), (Shape{8, 16, 16, 32}));
  EXPECT_EQ(conv2d_shape({1, 8, 5, 5}, {8, 1, 5, 5}, {.groups = 8}), (Shape{1, 8, 1, 1}));
}

TEST(Conv2dShape, SaysBothShapesWhenChannelsDiffer) {
  const std::string said = message_of<ShapeError>([] { conv2d_shape({8, 1, 28, 28}, {16, 3, 3, 3}, {}); });
  EXPECT_EQ(said, "conv2d: weight [16, 3, 3, 3] wants 3 input channels, x [8, 1, 28, 28] has 1");
}

TEST(Conv2dShape, RefusesGroupsThatDoNotDivide) {
  EXPECT_THROW(conv2d_shape({1, 6, 5, 5}, {4, 3, 1, 1}, {.groups = 0}), ShapeError);
  EXPECT_THROW(conv2d_shape({1, 6, 5, 5}, {4, 2, 1, 1}, {.groups = 3}), ShapeError);
  EXPECT_THROW(conv2d_shape({1, 0, 5, 5}, {0, int64_t{1} << 40, 1, 1}, {.groups = int64_t{1} << 40}), ShapeError);
  EXPECT_THROW(conv2d_shape({6, 5, 5}, {4, 2, 1, 1}, {}), ShapeError);
}

}  // namespace
}  // namespace pith
