#include "tensor/ops/map.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/kernels/table.h"
#include "tests/support/tables.h"

namespace pith {
namespace {

/// The tables that this CPU can run.
/// Largest error of a map in units in the last place of the true value, over [low, high].
double worst_ulp(const KernelTable& t, MapKind kind, double (*truth)(double), float low, float high) {
  constexpr int64_t kCount = 200001;
  std::vector<float> x(kCount), y(kCount);
  for (int64_t i = 0; i < kCount; ++i)
    x[static_cast<size_t>(i)] = low + (high - low) * static_cast<float>(i) / static_cast<float>(kCount - 1);
  t.map(kind, 0, 0, x.data(), y.data(), kCount);
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double wanted = truth(static_cast<double>(x[i]));
    const float nearest = std::abs(static_cast<float>(wanted));
    const double ulp = static_cast<double>(std::nextafter(nearest, std::numeric_limits<float>::max()) - nearest);
    worst = std::max(worst, std::abs(static_cast<double>(y[i]) - wanted) / ulp);
  }
  return worst;
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

TEST(Map, ExpSigmoidAndTanhStayWithinThreeUnitsInTheLastPlaceOnEveryIsa) {
  for (const KernelTable* t : test::tables()) {
    EXPECT_LE(worst_ulp(*t, MapKind::exp, std::exp, -87, 88), 3) << t->isa;
    EXPECT_LE(worst_ulp(*t, MapKind::exp, std::exp, -1, 1), 3) << t->isa;
    EXPECT_LE(worst_ulp(*t, MapKind::sigmoid, logistic, -80, 80), 3) << t->isa;
    EXPECT_LE(worst_ulp(*t, MapKind::tanh, std::tanh, -10, 10), 3) << t->isa;
    EXPECT_LE(worst_ulp(*t, MapKind::tanh, std::tanh, -0.7f, 0.7f), 3) << t->isa;
  }
}

TEST(Map, ReachesTheEndsOfTheRangeOnEveryIsa) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> x{-inf, -200, -100, 0, 88.8f, 200, inf};
  for (const KernelTable* t : test::tables()) {
    std::vector<float> y(x.size());
    t->map(MapKind::exp, 0, 0, x.data(), y.data(), 7);
    EXPECT_EQ(y[0], 0) << t->isa;
    EXPECT_NEAR(y[2], 3.8e-44f, 2e-45f) << t->isa << ": a denormal";
    EXPECT_EQ(y[3], 1) << t->isa;
    EXPECT_EQ(y[4], inf) << t->isa;
    EXPECT_EQ(y[6], inf) << t->isa;
    t->map(MapKind::sigmoid, 0, 0, x.data(), y.data(), 7);
    EXPECT_EQ(y[6], 1) << t->isa;
    t->map(MapKind::tanh, 0, 0, x.data(), y.data(), 7);
    EXPECT_EQ(y[0], -1) << t->isa;
    EXPECT_EQ(y[6], 1) << t->isa;
  }
}

TEST(Map, LetsNaNThroughOnEveryIsaAtEveryPlaceOfAVector) {
  for (const KernelTable* t : test::tables())
    for (MapKind kind : {MapKind::relu, MapKind::clip, MapKind::leaky, MapKind::sigmoid, MapKind::tanh, MapKind::affine,
                         MapKind::abs, MapKind::exp})
      for (size_t at = 0; at < 17; ++at) {
        std::vector<float> x(17, 1), y(17);
        x[at] = std::numeric_limits<float>::quiet_NaN();
        t->map(kind, 2, 1, x.data(), y.data(), 17);
        for (size_t i = 0; i < 17; ++i)
          ASSERT_EQ(std::isnan(y[i]), i == at) << t->isa << ", kind " << static_cast<int>(kind) << " at " << i;
      }
}

TEST(Map, TakesEveryCountAroundAVectorsWidth) {
  for (const KernelTable* t : test::tables())
    for (int64_t count : {0, 1, 7, 8, 9, 15, 16, 17, 33}) {
      const std::vector<float> x(static_cast<size_t>(count), -2);
      std::vector<float> y(x.size() + 1, 5);
      t->map(MapKind::abs, 0, 0, x.data(), y.data(), count);
      for (int64_t i = 0; i < count; ++i) ASSERT_EQ(y[static_cast<size_t>(i)], 2) << t->isa;
      ASSERT_EQ(y.back(), 5) << t->isa << " wrote behind the end of " << count;
    }
}

TEST(Map, OfAnInfiniteFactorLeavesTheBorderOfLanesAlone) {
  const double infinite = std::numeric_limits<double>::infinity();
  for (const MapKind kind : {MapKind::affine, MapKind::leaky}) {
    Tensor x = Tensor::full({16, 3, 5, 7}, -1);
    const ops::Map f{.kind = kind, .p = infinite};
    const Tensor lanes = to_lanes(x, 1);
    for (const Tensor& y : {ops::map(f, lanes), ops::map_gradient(f, lanes, to_lanes(x, 1))}) {
      const std::vector<float> inside = to_plain(y).to_vector<float>();
      int64_t infinities = 0;
      for (size_t i = 0; i < y.bytes() / 4; ++i) {
        ASSERT_FALSE(std::isnan(y.data<float>()[i]));
        infinities += std::isinf(y.data<float>()[i]);
      }
      EXPECT_EQ(infinities, static_cast<int64_t>(inside.size()));
    }
  }
}

}  // namespace
}  // namespace pith
