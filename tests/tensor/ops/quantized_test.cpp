#include "tensor/ops/quantized.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/random.h"
#include "tests/support/tables.h"

namespace pith {
namespace {

TEST(Quantize, RoundsHalfToEvenSaturatesAndAddsTheZeroPointLast) {
  const std::vector<float> x{0, 0.25f, 0.75f, 1.25f, -0.25f, -0.75f, 1e9f, -1e9f, 63.5f, INFINITY, -INFINITY};
  for (const KernelTable* table : test::tables()) {
    const ops::QuantizedTensor q = ops::quantize(Tensor::from(x, {11, 1}), 0.5f, 3, 0, *table);
    EXPECT_EQ(q.values.to_vector<int>(), (std::vector<int>{3, 3, 5, 5, 3, 1, 255, 0, 130, 255, 0})) << table->isa;
    const Tensor nan = Tensor::full({1, 1}, NAN);
    EXPECT_EQ(ops::quantize(nan, 0.5f, 3, 0, *table).values.to_vector<int>()[0], 255) << table->isa;
  }
}

TEST(Quantize, IsTheSameOnEveryTableAndComesBackWithinHalfAStep) {
  Random random({.seed = 5, .purpose = Purpose::test});
  for (int i = 0; i < 40; ++i) {
    const Shape s{1 + random.below(33), 1 + random.below(9), 1 + random.below(5), 1 + random.below(20)};
    Tensor x = Tensor::empty(s);
    fill_uniform(x, -1, 2, {.seed = 9, .item = static_cast<uint64_t>(i)});
    const float scale = 3.0f / 255;
    for (const KernelTable* table : test::tables()) {
      const Tensor in = i % 2 ? to_lanes(x, 1) : x;
      const ops::QuantizedTensor q = ops::quantize(in, scale, 85, 1, *table);
      const std::vector<float> a = x.to_vector<float>(), back = ops::dequantize(q, *table).to_vector<float>();
      const std::vector<int> whole = q.values.to_vector<int>();
      for (size_t j = 0; j < a.size(); ++j) {
        ASSERT_EQ(whole[j], std::clamp(static_cast<int>(std::nearbyint(a[j] / scale)) + 85, 0, 255)) << table->isa;
        ASSERT_EQ(back[j], static_cast<float>(whole[j] - 85) * scale) << table->isa;
        ASSERT_NEAR(back[j], a[j], scale * 0.51);
      }
      const Tensor plain = ops::dequantize({to_plain(q.values), scale, 85}, *table);
      EXPECT_EQ(plain.to_vector<float>(), back);
    }
  }
}

TEST(Quantize, RefusesWhatWouldMakeZeroInexact) {
  const Tensor x = Tensor::zeros({1, 1});
  EXPECT_THROW(ops::quantize(x, 0, 0, 0), ArgumentError);
  EXPECT_THROW(ops::quantize(x, NAN, 0, 0), ArgumentError);
  EXPECT_THROW(ops::quantize(x, 1, 256, 0), ArgumentError);
  EXPECT_THROW(ops::quantize(x, 1, -1, 0), ArgumentError);
  EXPECT_THROW(ops::quantize(Tensor::zeros({1, 1}, DType::s8), 1, 0, 0), TypeError);
  EXPECT_THROW(ops::dequantize({x, 1, 0}), TypeError);
}

TEST(Range, HoldsZeroAndSkipsNan) {
  for (const KernelTable* table : test::tables())
    for (const int64_t size : {1, 15, 16, 17, 70000}) {
      Tensor x = Tensor::full({size}, 2);
      ops::Range r = ops::range(x, *table);
      EXPECT_EQ(r.lowest, 0);
      EXPECT_EQ(r.highest, 2);
      x.mutable_data<float>()[size / 2] = NAN;
      x.mutable_data<float>()[size - 1] = -5;
      r = ops::range(x, *table);
      EXPECT_EQ(r.lowest, -5) << table->isa;
      EXPECT_EQ(r.highest, size > 2 ? 2 : 0) << table->isa;
    }
  const Tensor lanes = to_lanes(Tensor::full({3, 2, 2, 2}, -4), 1);
  EXPECT_EQ(ops::range(lanes).lowest, -4);
}

}  // namespace
}  // namespace pith
