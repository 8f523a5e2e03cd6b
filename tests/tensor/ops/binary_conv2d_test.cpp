#include "tensor/ops/binary_conv2d.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/binary_conv2d_reference.h"
#include "tensor/ops/conv2d.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/support/tables.h"

namespace pith {
namespace {

using ops::BinaryPadding;

Tensor signs(const Shape& shape, Random& random) {
  std::vector<int8_t> v(static_cast<size_t>(shape.numel()));
  for (int8_t& s : v) s = random.below(2) ? 1 : -1;
  return Tensor::from(v, shape);
}

struct Case {
  Shape x, w;
  Window window;
};

Case random_case(Random& random) {
  const auto pick = [&](int64_t low, int64_t high) { return low + random.below(high - low + 1); };
  for (;;) {
    const int64_t groups = random.below(6) == 0 ? pick(2, 3) : 1;
    const int64_t c = groups > 1 ? pick(1, 20) : random.below(4) ? pick(1, 34) : pick(35, 70);
    const int64_t n = random.below(5) ? pick(1, 2) : pick(15, 18);
    Case k{{n, c * groups, pick(1, 7), pick(1, 7)}, {groups * pick(1, n > 2 ? 9 : 37), c, pick(1, 4), pick(1, 4)}, {}};
    k.window = {.stride = {pick(1, 3), pick(1, 3)},
                .padding = {pick(0, 3), pick(0, 3)},
                .dilation = {pick(1, 2), pick(1, 2)},
                .groups = groups};
    bool fits = true;
    for (const int a : {0, 1})
      fits = fits && k.x[a + 2] + 2 * k.window.padding[a] > (k.w[a + 2] - 1) * k.window.dilation[a];
    if (fits) return k;
  }
}

std::string text_of(const Case& c, const KernelTable& t) {
  return std::string(t.isa) + " x " + text(c.x) + " w " + text(c.w) + " stride " + std::to_string(c.window.stride[0]) +
         " padding " + std::to_string(c.window.padding[0]) + " groups " + std::to_string(c.window.groups);
}

std::vector<int32_t> twin(const Tensor& x, const Tensor& w, const Window& window, BinaryPadding padding) {
  const Shape shape = conv2d_shape(x.shape(), w.shape(), window);
  std::vector<int32_t> y(static_cast<size_t>(shape.numel()));
  const int value = padding == BinaryPadding::zero ? 0 : padding == BinaryPadding::minus_one ? -1 : 1;
  ops::reference::binary_conv2d(x.data<int8_t>(), w.data<int8_t>(), y.data(), x.shape(), w.shape(), shape, window,
                                value);
  return y;
}

constexpr BinaryPadding kPaddings[] = {BinaryPadding::zero, BinaryPadding::minus_one, BinaryPadding::plus_one};

TEST(BinaryConv2d, EqualsItsTwinForAnyShapeAndPaddingOnEveryTable) {
  Random random({.seed = 71});
  for (int i = 0; i < 120; ++i) {
    const Case c = random_case(random);
    const Tensor x = signs(c.x, random), w = signs(c.w, random);
    const BinaryPadding padding = kPaddings[i % 3];
    const std::vector<int32_t> want = twin(x, w, c.window, padding);
    const auto packed = ops::pack_binary_weights(w);
    for (const KernelTable* t : test::tables_with_base()) {
      const Tensor y = ops::binary_conv2d(x, packed, c.window, {.padding = padding}, *t);
      ASSERT_EQ(y.to_vector<int32_t>(), want) << text_of(c, *t);
    }
  }
}

TEST(BinaryConv2d, GivesScaledFloatsAndThresholdedBits) {
  Random random({.seed = 72});
  for (int i = 0; i < 60; ++i) {
    const Case c = random_case(random);
    const Tensor x = signs(c.x, random), w = signs(c.w, random);
    const BinaryPadding padding = kPaddings[i % 3];
    const std::vector<int32_t> sums = twin(x, w, c.window, padding);
    ops::BinaryTarget to{.output = ops::BinaryOutput::f32, .padding = padding};
    for (int64_t k = 0; k < c.w[0]; ++k) {
      to.scale.push_back(random.below(8) == 0 ? 0.0f : static_cast<float>(random.below(9) - 4));
      to.bias.push_back(static_cast<float>(random.below(41) - 20) * (random.below(2) ? 1.0f : 0.3f));
    }
    const auto packed = ops::pack_binary_weights(w);
    const Shape shape = conv2d_shape(c.x, c.w, c.window);
    for (const KernelTable* t : test::tables_with_base()) {
      to.output = ops::BinaryOutput::f32;
      const auto floats = ops::binary_conv2d(x, packed, c.window, to, *t).to_vector<float>();
      to.output = ops::BinaryOutput::bits;
      const Tensor bits = ops::binary_conv2d(x, packed, c.window, to, *t);
      const auto plain = to_plain(bits).to_vector<int8_t>();
      for (size_t j = 0; j < sums.size(); ++j) {
        const size_t k = j / static_cast<size_t>(shape[2] * shape[3]) % static_cast<size_t>(shape[1]);
        const double exact = double{to.scale[k]} * sums[j] + double{to.bias[k]};
        ASSERT_FLOAT_EQ(floats[j], static_cast<float>(exact)) << text_of(c, *t);
        ASSERT_EQ(plain[j], exact >= 0 ? 1 : -1) << text_of(c, *t) << " sum " << sums[j];
      }
    }
  }
}

TEST(BinaryConv2d, PaddedWithZerosEqualsTheFloatConvolutionOfTheSigns) {
  Random random({.seed = 73});
  const Tensor x = signs({3, 40, 7, 6}, random), w = signs({33, 40, 3, 3}, random);
  const Window window{.padding = {1, 1}};
  const auto want = ops::conv2d(x.to(DType::f64), w.to(DType::f64), window).to_vector<double>();
  const Tensor y = ops::binary_conv2d(to_lanes(x.to(DType::f32), 1), ops::pack_binary_weights(w), window, {});
  EXPECT_EQ(y.to_vector<double>(), want);
}

TEST(BinaryConv2d, ReachesTheExtremesOfADeepSum) {
  for (const int64_t c : {31, 32, 33, 4096}) {
    const Tensor ones = Tensor::full({1, c, 3, 3}, 1, DType::s8), minus = Tensor::full({4, c, 3, 3}, -1, DType::s8);
    const auto up = ops::pack_binary_weights(Tensor::full({4, c, 3, 3}, 1, DType::s8));
    const auto down = ops::pack_binary_weights(minus);
    for (const KernelTable* t : test::tables_with_base()) {
      EXPECT_EQ(ops::binary_conv2d(ones, up, {}, {}, *t).to_vector<int32_t>(),
                std::vector<int32_t>(4, static_cast<int32_t>(9 * c)));
      EXPECT_EQ(ops::binary_conv2d(ones, down, {}, {}, *t).to_vector<int32_t>(),
                std::vector<int32_t>(4, static_cast<int32_t>(-9 * c)));
    }
  }
}

TEST(BinaryConv2d, ChainsThroughBitsAsThroughSigns) {
  Random random({.seed = 74});
  const Tensor x = signs({5, 20, 8, 8}, random), w1 = signs({45, 20, 3, 3}, random), w2 = signs({10, 45, 3, 3}, random);
  const Window same{.padding = {1, 1}}, half{.stride = {2, 2}, .padding = {1, 1}};
  const auto p1 = ops::pack_binary_weights(w1), p2 = ops::pack_binary_weights(w2);
  const Tensor bits = ops::binary_conv2d(x, p1, same, {.output = ops::BinaryOutput::bits});
  const Tensor y = ops::binary_conv2d(bits, p2, half, {});
  const Tensor again = to_plain(bits);
  EXPECT_EQ(y.to_vector<int32_t>(), twin(again, w2, half, BinaryPadding::zero));
}

TEST(BinaryConv2d, HasTheSameBitsForAnyNumberOfThreads) {
  Random random({.seed = 75});
  const Tensor x = signs({33, 64, 9, 9}, random), w = signs({64, 64, 3, 3}, random);
  const auto packed = ops::pack_binary_weights(w);
  const int before = threads();
  set_threads(1);
  const auto one = ops::binary_conv2d(x, packed, {.padding = {1, 1}}, {}).to_vector<int32_t>();
  set_threads(3);
  EXPECT_EQ(ops::binary_conv2d(x, packed, {.padding = {1, 1}}, {}).to_vector<int32_t>(), one);
  set_threads(before);
}

TEST(BinaryConv2d, RefusesWhatDoesNotFit) {
  const auto w = ops::pack_binary_weights(Tensor::full({4, 3, 3, 3}, 1, DType::s8));
  const Tensor x = Tensor::full({1, 3, 5, 5}, 1, DType::s8);
  EXPECT_THROW(ops::pack_binary_weights(Tensor::zeros({4, 3})), ShapeError);
  EXPECT_THROW(ops::pack_binary_weights(Tensor::zeros({4, 3, 1, 1}, DType::s32)), TypeError);
  const Tensor deep = Tensor::empty({1, int64_t{1} << 31, 1, 1}, DType::s8);  // one more than max_depth(1, 1), unread
  EXPECT_THROW(ops::pack_binary_weights(deep), ShapeError);
  EXPECT_THROW(ops::binary_conv2d(Tensor::zeros({1, 2, 5, 5}), w, {}, {}), ShapeError);
  EXPECT_THROW(ops::binary_conv2d(Tensor::zeros({1, 3, 5, 5}, DType::u8), w, {}, {}), TypeError);
  EXPECT_THROW(ops::binary_conv2d(x, w, {}, {.scale = {1, 2}}), ArgumentError);
  EXPECT_THROW(ops::binary_conv2d(x, w, {}, {.scale = {1, 2, 3, NAN}}), ArgumentError);
}

TEST(BitLanes, TakeTheSignsOfLanesAsOfPlainFloats) {
  Tensor x = Tensor::empty({19, 67, 3, 5});
  fill_normal(x, 0, 1, {.seed = 76});
  x.mutable_data<float>()[0] = NAN;
  x.mutable_data<float>()[1] = -0.0f;
  const auto want = to_plain(to_bit_lanes(x, 2)).to_vector<int8_t>();
  EXPECT_EQ(to_plain(to_bit_lanes(to_lanes(x, 1), 2)).to_vector<int8_t>(), want);
  EXPECT_EQ(want[0], -1);
  EXPECT_EQ(want[1], 1);
}

}  // namespace
}  // namespace pith
