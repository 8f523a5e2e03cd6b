#include "tensor/ops/conv2d.h"

#include <gtest/gtest.h>

namespace pith {
namespace {

TEST(Conv2d, AddsUpAHandComputedWindow) {
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 3, 3});
  const Tensor w = Tensor::from(std::vector<float>{1, 2, 3, 4}, {1, 1, 2, 2});
  // 1 1 + 2 2 + 3 4 + 4 5 = 37, and so on; with padding the corner is 4 1 = 4
  EXPECT_EQ(ops::conv2d(x, w, {}).to_vector<float>(), (std::vector<float>{37, 47, 67, 77}));
  const std::vector<float> padded = ops::conv2d(x, w, {.padding = {1, 1}}).to_vector<float>();
  EXPECT_EQ(padded[0], 4);
  EXPECT_EQ(padded[15], 9);
}

}  // namespace
}  // namespace pith
