#include "tensor/formats/mask.h"

#include <gtest/gtest.h>

#include <limits>

#include "tensor/error.h"

namespace pith {
namespace {

/// Keep-bits of n positions: every third is pruned.
Tensor thirds(int64_t n, DType dtype = DType::u8) {
  std::vector<uint8_t> keep(static_cast<size_t>(n));
  for (size_t i = 0; i < keep.size(); ++i) keep[i] = i % 3 != 0;
  return Tensor::from(keep, {n}).to(dtype);
}

TEST(Mask, KeepsEverythingWhenFresh) {
  const Mask mask({5, 13});
  EXPECT_EQ(mask.kept(), 65);
  EXPECT_EQ(mask.density(), 1);
  EXPECT_EQ(mask.words()[1], 1u);  // 65 = 64 + 1, and the rest of the word is 0
}

TEST(Mask, CountsKeptAroundAWord) {
  for (const int64_t n : {1, 2, 63, 64, 65, 127, 128, 129, 200}) {
    const Mask mask = Mask::from(thirds(n));
    EXPECT_EQ(mask.kept(), n - (n + 2) / 3) << n;
    EXPECT_DOUBLE_EQ(mask.density() + mask.sparsity(), 1) << n;
    for (int64_t i = 0; i < n; ++i) ASSERT_EQ(mask.keeps(i), i % 3 != 0) << n << " " << i;
  }
}

TEST(Mask, ComesBackFromEveryTypeOfTensor) {
  for (const DType dtype : {DType::u8, DType::f32, DType::f64}) {
    const Mask mask = Mask::from(thirds(100, dtype));
    EXPECT_EQ(mask, Mask::from(mask.to_tensor(dtype)));
    EXPECT_EQ(mask.to_tensor(dtype).to_vector<double>(), thirds(100).to_vector<double>());
  }
}

TEST(Mask, EqualsAnotherWithTheSamePositions) {
  EXPECT_EQ(Mask::from(thirds(9), Granularity::row), Mask::from(thirds(9), Granularity::element));
  EXPECT_FALSE(Mask::from(thirds(9)) == Mask({9}));
  EXPECT_FALSE(Mask({9}) == Mask({3, 3}));
}

TEST(Mask, IgnoresSurplusBitsOfTheLastWord) { EXPECT_EQ(Mask({3}, std::vector<uint64_t>{~0ULL}), Mask({3})); }

TEST(Mask, CountsNotANumberAsKept) {
  const std::vector<float> values{0.0f, -0.0f, std::numeric_limits<float>::quiet_NaN(), 1e-45f};
  EXPECT_EQ(Mask::from(Tensor::from(values, {4})).to_tensor().to_vector<int32_t>(), (std::vector<int32_t>{0, 0, 1, 1}));
}

TEST(Mask, RefusesWhatHasNoDensity) {
  EXPECT_THROW(Mask({0, 3}), ShapeError);
  EXPECT_THROW(Mask({65}, std::vector<uint64_t>{1}), ShapeError);
  EXPECT_THROW(Mask::from(Tensor::zeros({2}, DType::s32)), TypeError);
}

TEST(Mask, WritesZeroWherePrunedAndNowhereElse) {
  for (const int64_t n : {1, 64, 65, 130}) {
    const Mask mask = Mask::from(thirds(n));
    for (const DType dtype : {DType::f32, DType::f64}) {
      Tensor t = Tensor::full({n}, 7, dtype);
      EXPECT_FALSE(is_zero_where_pruned(mask, t));
      zero_pruned(mask, t);
      EXPECT_TRUE(is_zero_where_pruned(mask, t));
      for (int64_t i = 0; i < n; ++i) ASSERT_EQ(t.to_vector<double>()[static_cast<size_t>(i)], i % 3 != 0 ? 7 : 0);
    }
  }
}

TEST(Mask, RefusesATensorOfAnotherShapeOrOrder) {
  Tensor other = Tensor::zeros({4});
  EXPECT_THROW(zero_pruned(Mask({5}), other), ShapeError);
  Tensor turned = Tensor::zeros({2, 3}).transpose(0, 1);
  EXPECT_THROW(zero_pruned(Mask({3, 2}), turned), TypeError);
}

TEST(Mask, NamesItsGranularity) {
  EXPECT_EQ(name(Granularity::element), "element");
  EXPECT_EQ(name(Mask({2}, Granularity::n_of_m).granularity()), "n_of_m");
}

}  // namespace
}  // namespace pith
