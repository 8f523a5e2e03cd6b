#include "tensor/ops/pool2d.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tensor/error.h"

namespace pith {
namespace {

/// 1 .. 9 as a 3 x 3 image, in plain order and in lanes.
std::vector<Tensor> images() {
  std::vector<float> v(9);
  std::iota(v.begin(), v.end(), 1.0f);
  const Tensor x = Tensor::from(v, {1, 1, 3, 3});
  return {x, to_lanes(x, 1)};
}

TEST(MaxPool2d, TakesTheLargestAndNeverThePadding) {
  for (const Tensor& x : images()) {
    EXPECT_EQ(ops::max_pool2d(x, {2, 2}, {}).to_vector<float>(), (std::vector<float>{5, 6, 8, 9}));
    const Tensor negative = Tensor::full({1, 1, 1, 1}, -3);
    const Tensor y = ops::max_pool2d(x.is_lanes() ? to_lanes(negative, 0) : negative, {3, 3}, {.padding = {1, 1}});
    EXPECT_EQ(y.item(), -3);
  }
}

TEST(MaxPool2d, GivesATiedGradientToTheFirstPlace) {
  const Tensor x = Tensor::full({1, 1, 2, 2}, 7), dy = Tensor::full({1, 1, 1, 1}, 3);
  for (bool lanes : {false, true}) {
    const Tensor v = lanes ? to_lanes(x, 1) : x, y = ops::max_pool2d(v, {2, 2}, {});
    EXPECT_EQ(ops::max_pool2d_gradient(v, y, dy, {2, 2}, {}).to_vector<float>(), (std::vector<float>{3, 0, 0, 0}));
  }
}

TEST(MaxPool2d, ShowsANaNWhereverItLiesInTheWindow) {
  for (size_t at = 0; at < 4; ++at)
    for (bool lanes : {false, true}) {
      std::vector<float> v{1, 2, 3, 4};
      v[at] = std::nanf("");
      const Tensor x = Tensor::from(v, {1, 1, 2, 2});
      EXPECT_TRUE(std::isnan(ops::max_pool2d(lanes ? to_lanes(x, 1) : x, {2, 2}, {}).item())) << at << lanes;
    }
}

TEST(MaxPool2d, RefusesAWindowOfPaddingAlone) {
  EXPECT_THROW(ops::max_pool2d(images()[0], {1, 1}, {.padding = {1, 1}}), ShapeError);
  EXPECT_THROW(ops::max_pool2d(images()[0], {5, 5}, {}), ShapeError);
  EXPECT_THROW(ops::max_pool2d(Tensor::zeros({3, 3}), {1, 1}, {}), ShapeError);
  EXPECT_THROW(ops::max_pool2d(Tensor::zeros({1, 1, 3, 3}, DType::s32), {1, 1}, {}), TypeError);
}

TEST(AveragePool2d, CountsThePadding) {
  for (const Tensor& x : images()) {
    EXPECT_EQ(ops::average_pool2d(x, {2, 2}, {.stride = {2, 2}, .padding = {1, 1}}).to_vector<float>(),
              (std::vector<float>{0.25f, 1.25f, 2.75f, 7}));
  }
}

TEST(AveragePool2d, TakesABatchOfNoImages) {
  EXPECT_EQ(ops::average_pool2d(Tensor::zeros({0, 2, 4, 4}), {2, 2}, {}).numel(), 0);
}

}  // namespace
}  // namespace pith
