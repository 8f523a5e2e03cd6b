#include "tensor/ops/batch_norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/kernels/table.h"
#include "tensor/random.h"

namespace pith {
namespace {

TEST(BatchMoments, StayExactFarFromZeroOverAHundredThousandElements) {
  Tensor x = Tensor::empty({128, 2, 32, 32});
  fill_normal(x, 1000, 0.01, {.seed = 4});  // a sum of squares would lose every digit of the variance
  const ops::Moments lanes = ops::batch_moments(to_lanes(x, 1)), twin = ops::batch_moments(x.to(DType::f64));
  for (size_t c = 0; c < 2; ++c) {
    EXPECT_NEAR(lanes.mean[c], twin.mean[c], 1e-6);
    EXPECT_NEAR(lanes.variance[c] / twin.variance[c], 1, 1e-5);
  }
}

TEST(BatchMoments, CountLiveLanesOnly) {
  const Tensor x = Tensor::full({17, 1, 2, 3}, 5);
  const ops::Moments m = ops::batch_moments(to_lanes(x, 2));
  EXPECT_EQ(m.count, 17 * 6);
  EXPECT_DOUBLE_EQ(m.mean[0], 5);
  EXPECT_DOUBLE_EQ(m.variance[0], 0);
}

TEST(BatchMoments, AreNoNumberWhereOneElementIsNone) {
  Tensor x = Tensor::full({3, 1, 2, 2}, 1);
  x.mutable_data<float>()[5] = std::nanf("");
  EXPECT_TRUE(std::isnan(ops::batch_moments(to_lanes(x, 1)).variance[0]));
  EXPECT_TRUE(std::isnan(ops::batch_moments(x).mean[0]));
}

TEST(Normalize, AgreesWithAHandComputedChannel) {
  // 1, 3: mean 2, variance 1; gamma 2, beta 1 -> -1, 3; ReLU -> 0, 3
  const Tensor x = Tensor::from(std::vector<double>{1, 3}, {2, 1});
  const Tensor gamma = Tensor::full({1}, 2, DType::f64), beta = Tensor::full({1}, 1, DType::f64);
  const ops::Moments m = ops::batch_moments(x);
  EXPECT_EQ(ops::normalize(x, ops::make_normalization(m, gamma, beta, 0, false), {}).to_vector<double>(),
            (std::vector<double>{-1, 3}));
  EXPECT_EQ(ops::normalize(x, ops::make_normalization(m, gamma, beta, 0, true), {}).to_vector<double>(),
            (std::vector<double>{0, 3}));
}

TEST(LineMoments, AgreeOnEveryIsaForEveryNumberOfLiveLanes) {
  for (int64_t live = 1; live <= 16; ++live) {
    Tensor plain = Tensor::empty({live, 1, 9, 31});
    fill_normal(plain, 3, 1, {.seed = 9, .item = static_cast<uint64_t>(live)});
    const ops::Moments wanted = ops::batch_moments(plain.to(DType::f64));
    const Tensor x = to_lanes(plain, 1);
    const LaneGeometry& g = x.geometry();
    for (const char* isa : {"scalar", "avx2", "avx512"}) {
      const KernelTable* const t = kernels_for(isa);
      if (t == nullptr) continue;
      double mean = 0, squares = 0;
      t->line_moments({x.data<float>() + g.line(0, 0, 0, 0) * 16, g.row}, 9, 31, live, &mean, &squares);
      EXPECT_NEAR(mean, wanted.mean[0], 1e-6) << isa;
      EXPECT_NEAR(squares / static_cast<double>(wanted.count), wanted.variance[0], 1e-5) << isa;
    }
  }
}

}  // namespace
}  // namespace pith
