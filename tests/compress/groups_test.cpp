#include "compress/groups.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tensor/error.h"
#include "tests/support/files.h"

namespace pith::compress {
namespace {

/// The group of every position, row-major.
std::vector<int64_t> all(const Groups& groups) {
  std::vector<int64_t> of;
  for (int64_t i = 0; i < groups.shape().numel(); ++i) of.push_back(groups.of(i));
  return of;
}

using Numbers = std::vector<int64_t>;

TEST(Groups, AreFiltersChannelsKernelsRowsAndColumnsOfAConvolution) {
  const Shape s{2, 2, 1, 2};
  EXPECT_EQ(all(Groups(s, GroupType::filter)), (Numbers{0, 0, 0, 0, 1, 1, 1, 1}));
  EXPECT_EQ(all(Groups(s, GroupType::row)), (Numbers{0, 0, 0, 0, 1, 1, 1, 1}));
  EXPECT_EQ(all(Groups(s, GroupType::channel)), (Numbers{0, 0, 1, 1, 0, 0, 1, 1}));
  EXPECT_EQ(all(Groups(s, GroupType::kernel)), (Numbers{0, 0, 1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(all(Groups(s, GroupType::column)), (Numbers{0, 1, 2, 3, 0, 1, 2, 3}));
  EXPECT_EQ(all(Groups(s, GroupType::layer)), Numbers(8, 0));
  EXPECT_EQ(Groups(s, GroupType::element).count(), 8);
}

TEST(Groups, AreRowsAndColumnsOfAMatrix) {
  const Shape s{2, 3};
  EXPECT_EQ(all(Groups(s, GroupType::row)), (Numbers{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(all(Groups(s, GroupType::column)), (Numbers{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(all(Groups(s, GroupType::channel)), (Numbers{0, 1, 2, 0, 1, 2}));
}

TEST(Groups, AreTilesOfTheMatrix) {
  EXPECT_EQ(all(Groups::tiles({2, 4}, 2, 2)), (Numbers{0, 0, 1, 1, 0, 0, 1, 1}));
  EXPECT_EQ(all(Groups::tiles({2, 4}, 1, 2)), (Numbers{0, 0, 1, 1, 2, 2, 3, 3}));
  EXPECT_THROW(Groups::tiles({2, 4}, 1, 3), ShapeError);
}

TEST(Groups, AreBlocksOfFiltersAndChannelsAtOnePosition) {
  EXPECT_EQ(all(Groups::blocks({2, 2, 1, 2}, 1, 2)), (Numbers{0, 1, 0, 1, 2, 3, 2, 3}));
  EXPECT_EQ(all(Groups::blocks({2, 2, 1, 2}, 2, 1)), (Numbers{0, 1, 2, 3, 0, 1, 2, 3}));
  EXPECT_EQ(all(Groups::blocks({2, 2, 1, 2}, 2, 2)), (Numbers{0, 1, 0, 1, 0, 1, 0, 1}));
  EXPECT_THROW(Groups::blocks({2, 2, 1, 2}, 3, 1), ShapeError);
}

TEST(Groups, HaveOneSize) {
  for (const GroupType type : {GroupType::element, GroupType::row, GroupType::column, GroupType::kernel,
                               GroupType::filter, GroupType::channel, GroupType::layer}) {
    const Groups groups({4, 6, 3, 3}, type);
    Numbers sizes(static_cast<size_t>(groups.count()), 0);
    for (const int64_t g : all(groups)) ++sizes.at(static_cast<size_t>(g));
    EXPECT_EQ(sizes, Numbers(sizes.size(), groups.size())) << name(type);
  }
}

TEST(Groups, MakeAMaskOfWholeGroups) {
  const Mask mask = Groups({2, 2}, GroupType::column).mask({1, 0});
  EXPECT_EQ(mask.to_tensor(DType::f32).to_vector<float>(), (std::vector<float>{1, 0, 1, 0}));
  EXPECT_EQ(mask.granularity(), Granularity::column);
}

TEST(Groups, RefuseShapesThatHaveNone) {
  const std::string kernel = test::message_of<ShapeError>([] { Groups({3, 4}, GroupType::kernel); });
  EXPECT_EQ(kernel, "groups: a kernel is part of a weight [out, in, kh, kw], not of [3, 4]");
  EXPECT_THROW(Groups({3}, GroupType::filter), ShapeError);
  EXPECT_THROW(Groups({0, 4}, GroupType::row), ShapeError);
  EXPECT_THROW(Groups({0}, GroupType::element), ShapeError);
  EXPECT_THROW(Groups({2, 2}, GroupType::row).mask({1}), ShapeError);
}

}  // namespace
}  // namespace pith::compress
