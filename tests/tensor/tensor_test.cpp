#include "tensor/tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <new>
#include <numeric>
#include <vector>

#include "tensor/error.h"
#include "tests/support/files.h"

namespace pith {
namespace {

using test::message_of;
using testing::HasSubstr;
using Floats = std::vector<float>;

/// 0, 1, 2, ... in row-major order.
Tensor counting(const Shape& shape, DType dtype = DType::f32) {
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  std::iota(values.begin(), values.end(), 0.0);
  return Tensor::from(values, shape).to(dtype);
}

TEST(Tensor, HoldsWhatItWasMadeFrom) {
  const Tensor t = Tensor::from(Floats{1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_EQ(t.shape(), (Shape{2, 3}));
  EXPECT_EQ(t.dtype(), DType::f32);
  EXPECT_EQ(t.bytes(), 24u);
  EXPECT_TRUE(t.is_contiguous());
  EXPECT_EQ(t.to_vector<float>(), (Floats{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(text(t), "f32 [2, 3]");
}

TEST(Tensor, RefusesValuesThatDoNotFillItsShape) {
  EXPECT_EQ(message_of<ShapeError>([] {
              Tensor::from(Floats{1, 2, 3}, {2, 2});
            }),
            "tensor: 3 values do not fill shape [2, 2]");
}

TEST(Tensor, MayBeEmptyOrAScalar) {
  EXPECT_TRUE(Tensor::zeros({0, 3}).to_vector<float>().empty());
  EXPECT_TRUE(Tensor::zeros({0, 3}).is_contiguous());
  EXPECT_EQ(Tensor::full({}, 2.5).item(), 2.5);
  EXPECT_EQ(Tensor::full({1, 1}, -3, DType::s8).item(), -3);
  EXPECT_THROW(Tensor::zeros({2}).item(), ShapeError);
  EXPECT_THROW(Tensor::zeros({0}).item(), ShapeError);
}

TEST(Tensor, AnswersNothingWhileUndefined) {
  Tensor t;
  EXPECT_FALSE(t.defined());
  EXPECT_EQ(t.bytes(), 0u);
  EXPECT_EQ(text(t), "undefined tensor");
  EXPECT_THROW(t.data<float>(), TypeError);
  EXPECT_THROW(t.item(), TypeError);
  EXPECT_THROW(t.fill(0), TypeError);
  EXPECT_THROW(t.clone(), TypeError);
  EXPECT_THROW(t.view({1}), TypeError);
  EXPECT_FALSE(t.is_contiguous());
}

TEST(Tensor, IsReadOnlyAsItsOwnType) {
  Tensor t = Tensor::zeros({2}, DType::s8);
  EXPECT_EQ(message_of<TypeError>([&] { t.data<float>(); }), "s8 [2] was read as f32");
  EXPECT_THROW(t.mutable_data<uint8_t>(), TypeError);
  EXPECT_NO_THROW(t.data<int8_t>());
}

TEST(Tensor, RefusesAByteCountBeyond63Bits) {
  EXPECT_THROW(Tensor::empty({int64_t{1} << 61}, DType::f32), ShapeError);
  EXPECT_THROW(Tensor::empty({int64_t{1} << 60}, DType::f64), ShapeError);
}

TEST(Tensor, SharesItsBytesWhenCopiedAndNotWhenCloned) {
  Tensor a = counting({3});
  EXPECT_TRUE(a.is_sole_owner());
  const Tensor shared = a, own = a.clone();
  EXPECT_FALSE(a.is_sole_owner());
  a.fill(9);
  EXPECT_EQ(shared.to_vector<float>(), (Floats{9, 9, 9}));
  EXPECT_EQ(own.to_vector<float>(), (Floats{0, 1, 2}));
  EXPECT_TRUE(a.shares_storage_with(shared));
  EXPECT_FALSE(a.shares_storage_with(own));
}

TEST(TensorView, SeesTheSameElementsUnderAnotherShape) {
  Tensor a = counting({2, 3, 4});
  EXPECT_EQ(a.view({6, -1}).shape(), (Shape{6, 4}));
  EXPECT_EQ(a.view({-1}).to_vector<float>(), a.to_vector<float>());
  a.view({24}).fill(1);
  EXPECT_EQ(std::accumulate(a.data<float>(), a.data<float>() + 24, 0.0f), 24.0f);
  EXPECT_EQ(Tensor::zeros({0, 4}).view({-1, 2}).shape(), (Shape{0, 2}));
}

TEST(TensorView, RefusesOtherCounts) {
  const Tensor a = counting({2, 3});
  EXPECT_THAT(message_of<ShapeError>([&] { a.view({4}); }), HasSubstr("[2, 3]"));
  EXPECT_THROW(a.view({-1, 4}), ShapeError);
  EXPECT_THROW(a.view({-1, -1}), ShapeError);
  EXPECT_THROW(a.view({-1, 0}), ShapeError);
  EXPECT_THROW(a.view({-2, -3}), ShapeError);
}

TEST(TensorView, NeedsContiguousElements) {
  EXPECT_THAT(message_of<TypeError>([] { counting({2, 3}).transpose(0, 1).view({6}); }), HasSubstr("not contiguous"));
}

TEST(Transpose, SwapsTwoAxesWithoutCopying) {
  const Tensor a = counting({2, 3});
  const Tensor t = a.transpose(0, -1);
  EXPECT_EQ(t.shape(), (Shape{3, 2}));
  EXPECT_EQ(t.to_vector<float>(), (Floats{0, 3, 1, 4, 2, 5}));
  EXPECT_TRUE(t.shares_storage_with(a));
  EXPECT_FALSE(t.is_contiguous());
  EXPECT_TRUE(t.contiguous().is_contiguous());
  EXPECT_EQ(t.contiguous().to_vector<float>(), t.to_vector<float>());
  EXPECT_TRUE(a.contiguous().shares_storage_with(a));
  EXPECT_THROW(a.transpose(0, 2), ShapeError);
}

TEST(Transpose, TakesShapesWhoseExtentSquaredDoesNotFit) {
  const Tensor wide = Tensor::zeros({1, 1}).expand({1, int64_t{1} << 40});
  EXPECT_EQ(wide.transpose(0, 1).shape(), (Shape{int64_t{1} << 40, 1}));
}

TEST(Narrow, SeesPartOfAnAxis) {
  Tensor a = counting({3, 4});
  EXPECT_EQ(a.narrow(1, 1, 2).to_vector<float>(), (Floats{1, 2, 5, 6, 9, 10}));
  EXPECT_EQ(a.narrow(0, 3, 0).numel(), 0);
  a.narrow(0, 1, 1).fill(-1);
  EXPECT_EQ(a.to_vector<float>(), (Floats{0, 1, 2, 3, -1, -1, -1, -1, 8, 9, 10, 11}));
}

TEST(Narrow, RefusesWhatLiesOutside) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const Tensor a = counting({3, 4});
  EXPECT_EQ(message_of<ShapeError>([&] { a.narrow(0, 2, 2); }),
            "narrow: 2 elements from 2 on axis 0 do not lie in [3, 4]");
  EXPECT_THROW(a.narrow(0, -1, 1), ShapeError);
  EXPECT_THROW(a.narrow(0, 0, -1), ShapeError);
  EXPECT_THROW(a.narrow(0, kMost, kMost), ShapeError);
  EXPECT_THROW(a.narrow(2, 0, 1), ShapeError);
}

TEST(Select, RemovesItsAxis) {
  const Tensor a = counting({2, 3, 4});
  EXPECT_EQ(a.select(1, 2).shape(), (Shape{2, 4}));
  EXPECT_EQ(a.select(1, 2).to_vector<float>(), (Floats{8, 9, 10, 11, 20, 21, 22, 23}));
  EXPECT_EQ(a.select(0, 1).select(0, 1).select(0, 3).item(), 19);
  EXPECT_THROW(a.select(1, 3), ShapeError);
  EXPECT_THROW(a.select(1, -1), ShapeError);
}

TEST(Expand, RepeatsWithoutCopying) {
  const Tensor a = counting({2, 1});
  const Tensor e = a.expand({3, 2, 2});
  EXPECT_EQ(e.to_vector<float>(), (Floats{0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1}));
  EXPECT_TRUE(e.shares_storage_with(a));
  EXPECT_FALSE(e.is_contiguous());
  EXPECT_THROW(a.expand({3}), ShapeError);
  EXPECT_THROW(a.expand({2, 3, 3}), ShapeError);
  EXPECT_EQ(Tensor::full({}, 7).expand({2, 2}).to_vector<float>(), (Floats{7, 7, 7, 7}));
}

TEST(Copy, WritesIntoViews) {
  Tensor a = Tensor::zeros({2, 3});
  a.narrow(1, 1, 2).copy_from(Tensor::from(Floats{1, 2, 3, 4}, {2, 2}));
  EXPECT_EQ(a.to_vector<float>(), (Floats{0, 1, 2, 0, 3, 4}));
  a.transpose(0, 1).copy_from(counting({3, 2}));
  EXPECT_EQ(a.to_vector<float>(), (Floats{0, 2, 4, 1, 3, 5}));
}

TEST(Copy, MayOverlapItsSource) {
  Tensor a = counting({3, 3});
  a.copy_from(a.transpose(0, 1));
  EXPECT_EQ(a.to_vector<float>(), (Floats{0, 3, 6, 1, 4, 7, 2, 5, 8}));
  Tensor b = counting({5});
  b.narrow(0, 1, 4).copy_from(b.narrow(0, 0, 4));
  EXPECT_EQ(b.to_vector<float>(), (Floats{0, 0, 1, 2, 3}));
  Tensor c = counting({2, 2});
  c.transpose(0, 1).copy_from(c);
  EXPECT_EQ(c.to_vector<float>(), (Floats{0, 2, 1, 3}));
}

TEST(Copy, RefusesOtherShapesAndTypes) {
  Tensor a = Tensor::zeros({2, 3});
  EXPECT_EQ(message_of<ShapeError>([&] {
              a.copy_from(Tensor::zeros({3, 2}));
            }),
            "copy: f32 [3, 2] does not fit into f32 [2, 3]");
  EXPECT_THROW(a.copy_from(Tensor::zeros({2, 3}, DType::f64)), ShapeError);
}

TEST(Convert, RoundsHalfToEvenAndSaturates) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const Tensor t = Tensor::from(Floats{0.5f, 1.5f, -2.5f, 1e9f, -1e9f, kInf, -kInf, NAN}, {8});
  EXPECT_EQ(t.to(DType::s8).to_vector<int>(), (std::vector<int>{0, 2, -2, 127, -128, 127, -128, 0}));
  EXPECT_EQ(t.to(DType::u8).to_vector<int>(), (std::vector<int>{0, 2, 0, 255, 0, 255, 0, 0}));
  const Tensor big = Tensor::from(std::vector<double>{2147483647.5, -2147483649.0, 3e300}, {3});
  EXPECT_EQ(big.to(DType::s32).to_vector<int32_t>(), (std::vector<int32_t>{2147483647, INT32_MIN, 2147483647}));
}

TEST(Convert, SaturatesBetweenIntegers) {
  const Tensor t = Tensor::from(std::vector<int32_t>{-300, -1, 200, 300}, {4});
  EXPECT_EQ(t.to(DType::s8).to_vector<int32_t>(), (std::vector<int32_t>{-128, -1, 127, 127}));
  EXPECT_EQ(t.to(DType::u8).to_vector<int32_t>(), (std::vector<int32_t>{0, 0, 200, 255}));
}

TEST(Convert, SharesWhenTheTypeIsTheSameAndReadsViews) {
  const Tensor a = counting({2, 3});
  EXPECT_TRUE(a.to(DType::f32).shares_storage_with(a));
  EXPECT_EQ(a.transpose(0, 1).to(DType::s32).to_vector<int32_t>(), (std::vector<int32_t>{0, 3, 1, 4, 2, 5}));
}

TEST(Convert, KeepsEveryTypesExtremes) {
  for (DType type : {DType::f32, DType::f64, DType::s32, DType::s8, DType::u8}) {
    const Tensor t = Tensor::full({3}, 127, type);
    EXPECT_EQ(t.to_vector<double>(), (std::vector<double>{127, 127, 127})) << name(type);
    EXPECT_EQ(t.bytes(), 3 * size_of(type));
  }
}

TEST(LaneTensor, RefusesViewsAndFillsOtherThanZero) {
  Tensor t = to_lanes(counting({2, 3, 4, 4}), 1);
  EXPECT_EQ(text(t), "f32 lanes [2, 3, 4, 4]");
  EXPECT_THROW(t.strides(), TypeError);
  EXPECT_THROW(t.transpose(0, 1), TypeError);
  EXPECT_THROW(t.narrow(0, 0, 1), TypeError);
  EXPECT_THROW(t.expand({2, 3, 4, 4}), TypeError);
  EXPECT_THROW(t.view({-1}), TypeError);
  EXPECT_THROW(t.fill(1), TypeError);
  EXPECT_THROW(counting({2}).geometry(), TypeError);
  t.fill(0);
  EXPECT_EQ(t.to_vector<float>(), Floats(96, 0.0f));
}

TEST(LaneTensor, IsClonedAndCopiedBetweenOrders) {
  const Tensor plain = counting({17, 2, 3, 3});
  const Tensor lanes = to_lanes(plain, 2);
  EXPECT_EQ(lanes.clone().to_vector<float>(), plain.to_vector<float>());
  EXPECT_FALSE(lanes.clone().shares_storage_with(lanes));
  Tensor other = Tensor::lanes({17, 2, 3, 3}, 1);
  other.copy_from(lanes);
  EXPECT_EQ(other.to_vector<float>(), plain.to_vector<float>());
  other.copy_from(other);
  EXPECT_EQ(other.to_vector<float>(), plain.to_vector<float>());
  Tensor back = Tensor::zeros({17, 2, 3, 3});
  back.copy_from(other);
  EXPECT_EQ(back.to_vector<float>(), plain.to_vector<float>());
}

TEST(LaneTensor, RefusesHostileShapes) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_THROW(Tensor::lanes({2, 3, 4}, 0), ShapeError);
  EXPECT_THROW(Tensor::lanes({2, 3}, 1), ShapeError);
  EXPECT_THROW(Tensor::lanes({1, 1, 1, 1}, -1), ShapeError);
  EXPECT_THROW(Tensor::lanes({1, 1, 1, 1}, kMost), ShapeError);
  EXPECT_THROW(Tensor::lanes({1, 1, 1, 1}, kMost / 2), ShapeError);
  EXPECT_THROW(Tensor::lanes({kMost, 0, 1, 1}, 0), ShapeError);
  EXPECT_THROW(Tensor::lanes({1, 0, kMost, 1}, 1), ShapeError);
  EXPECT_THROW(Tensor::lanes({int64_t{1} << 40, 1, int64_t{1} << 22, 1}, 0), ShapeError);
  EXPECT_THROW(Tensor::lanes({1, int64_t{1} << 40, 1, 1}, int64_t{1} << 30), ShapeError);
}

TEST(LaneTensor, MayBeEmptyInAnyAxis) {
  for (const Shape& s : {Shape{0, 3, 4, 4}, Shape{2, 0, 4, 4}, Shape{2, 3, 0, 4}, Shape{2, 3, 4, 0}, Shape{0, 5}})
    for (int64_t halo : {0, 2}) {
      if (s.rank() == 2 && halo > 0) continue;
      const Tensor t = to_lanes(Tensor::zeros(s), halo);
      EXPECT_EQ(t.shape(), s);
      for (size_t i = 0; i < t.bytes() / 4; ++i) ASSERT_EQ(t.data<float>()[i], 0.0f) << text(s);
      EXPECT_TRUE(to_plain(t).to_vector<float>().empty());
    }
}

}  // namespace
}  // namespace pith
