#include "tensor/formats/int8.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tensor/formats/format_table.h"
#include "tensor/formats/lstm_step.h"
#include "tensor/ops/embedding.h"
#include "tensor/random.h"
#include "tests/support/hostile_bytes.h"

namespace pith {
namespace {

/// Whole numbers from -127 to 127 times `unit`, the first of each row 127: 8 bits hold them exactly.
Tensor whole(const Shape& shape, float unit, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  Random random({.seed = 51, .item = item});
  const int64_t cols = shape[shape.rank() - 1];
  for (int64_t i = 0; i < t.numel(); ++i)
    t.mutable_data<float>()[i] = static_cast<float>(i % cols == 0 ? 127 : random.below(255) - 127) * unit;
  return t;
}

std::shared_ptr<const PackedMatrix> packed(const Tensor& w, float unit, std::shared_ptr<const Mask> mask = {}) {
  const auto quant = std::make_shared<const QuantParams>(QuantParams{.scale = {unit}, .zero_point = {}});
  return find_format("int8")->pack({.weight = w, .mask = std::move(mask), .quant = quant, .input = {}});
}

TEST(Int8Matrix, HoldsWholeStepsExactlyAndRoundsTheRestHalfToEven) {
  const Tensor w = whole({5, 130}, 0.25f, 1);
  EXPECT_EQ(packed(w, 0.25f)->unpack().to_vector<float>(), w.to_vector<float>());
  const Tensor between = Tensor::from(std::vector<float>{0.5f, 1.5f, -0.5f, -2.5f, 300, -300}, {1, 6});
  EXPECT_EQ(packed(between, 1)->unpack().to_vector<float>(), (std::vector<float>{0, 2, 0, -2, 127, -127}));
}

TEST(Int8Matrix, TakesAScaleForEachRowAndLeavesPrunedWeightsOut) {
  const Tensor w = Tensor::from(std::vector<float>{1, 2, 30, 40}, {2, 2});
  const auto quant = std::make_shared<const QuantParams>(QuantParams{.scale = {1, 10}, .zero_point = {}});
  const auto mask = std::make_shared<const Mask>(Mask::from(Tensor::from(std::vector<uint8_t>{1, 0, 1, 1}, {2, 2})));
  const auto m = find_format("int8")->pack({.weight = w, .mask = mask, .quant = quant, .input = {}});
  EXPECT_EQ(m->unpack().to_vector<float>(), (std::vector<float>{1, 0, 30, 40}));
}

TEST(Int8Matrix, MultipliesExactlyWhatEightBitsHold) {
  for (const int64_t cols : {1, 63, 64, 65, 650})
    for (const int64_t n : {1, 2, 5}) {
      const Tensor w = whole({9, cols}, 0.5f, 2), x = whole({n, cols}, 0.125f, 3), bias = whole({9}, 1, 4);
      const auto m = packed(w, 0.5f);
      const auto y = m->linear(x, bias).to_vector<float>();
      EXPECT_EQ(m->linear(to_lanes(x, 0), bias).to_vector<float>(), y);
      for (int64_t i = 0; i < n; ++i)
        for (int64_t r = 0; r < 9; ++r) {
          double sum = 0;  // of multiples of 1/16 below 2^24 of them: exact
          for (int64_t c = 0; c < cols; ++c)
            sum += double{w.data<float>()[r * cols + c]} * double{x.data<float>()[i * cols + c]};
          EXPECT_EQ(y[static_cast<size_t>(i * 9 + r)], static_cast<float>(sum) + bias.data<float>()[r]) << cols;
        }
    }
}

TEST(Int8Matrix, ComesBackFromItsBytesAndRefusesOthers) {
  const auto m = packed(whole({9, 17}, 0.5f, 5), 0.5f);
  const std::vector<std::byte> good = write_packed(*m);
  EXPECT_EQ(good.size(), m->bytes());
  EXPECT_LE(good.size(), 9u * 17 + 4 * 9 + 5 * 64);
  EXPECT_EQ(write_packed(*read_packed(good, "again")), good);
  const auto use = [](const test::Bytes& bytes) {
    try {
      const auto other = read_packed(bytes, "damaged");
      ASSERT_EQ(write_packed(*other), bytes);
      other->linear(Tensor::zeros({1, other->cols()}), Tensor());
    } catch (const FormatError&) {
    }
  };
  test::for_each_small_damage(good, [&](const test::Bytes& bad, const std::string&) { use(bad); });
  test::for_each_random_damage(good, 500, 3, [&](const test::Bytes& bad, const std::string&) { use(bad); });
}

TEST(Int8Matrix, LooksUpRowsAsEmbeddingDoes) {
  const Tensor w = whole({7, 10}, 0.5f, 6), indices = Tensor::from(std::vector<int32_t>{6, 0, 3, 3}, {2, 2});
  EXPECT_EQ(packed_embedding(*packed(w, 0.5f), indices).to_vector<float>(),
            ops::embedding(w, indices).to_vector<float>());
}

/// Weights and states that 8 bits hold: the step on bytes is the step on floats, to the rounding of its sums.
TEST(Int8Matrix, StepsAnLstmAsDenseWeightsDo) {
  constexpr int64_t in = 9, hidden = 70;
  const Tensor w_ih = whole({4 * hidden, in}, 0.01f, 7), w_hh = whole({4 * hidden, hidden}, 0.001f, 8);
  const Tensor x = whole({1, in}, 0.004f, 9), h = whole({1, hidden}, 0.004f, 10), c = whole({1, hidden}, 0.01f, 11);
  const auto dense = [](const Tensor& w) {
    return find_format("dense")->pack({.weight = w, .mask = {}, .quant = {}, .input = {}});
  };
  const LstmStepState want = lstm_step({dense(w_ih), dense(w_hh), Tensor()}, x, {h, c});
  const LstmStepState got = lstm_step({packed(w_ih, 0.01f), packed(w_hh, 0.001f), Tensor()}, x, {h, c});
  for (int64_t k = 0; k < hidden; ++k) {
    EXPECT_NEAR(got.c.data<float>()[k], want.c.data<float>()[k], 1e-5);
    EXPECT_NEAR(got.h.data<float>()[k], want.h.data<float>()[k], 1e-5);
  }
}

TEST(Int8Matrix, RefusesWhatDoesNotFit) {
  const Tensor w = Tensor::full({2, 3}, 1);
  const auto pack = [&](const Tensor& weight, const QuantParams& q) {
    return find_format("int8")->pack(
        {.weight = weight, .mask = {}, .quant = std::make_shared<const QuantParams>(q), .input = {}});
  };
  EXPECT_THROW(find_format("int8")->pack({.weight = w, .mask = {}, .quant = {}, .input = {}}), ArgumentError);
  EXPECT_THROW(pack(w, {.bits = 4, .scale = {1}, .zero_point = {}}), ArgumentError);
  EXPECT_THROW(pack(w, {.scale = {1}, .zero_point = {3}}), ArgumentError);
  EXPECT_THROW(pack(w, {.scale = {1, 1, 1}, .zero_point = {}}), ArgumentError);
  EXPECT_THROW(pack(Tensor::full({2, 3}, std::numeric_limits<double>::infinity()), {.scale = {1}, .zero_point = {}}),
               NumericError);
  EXPECT_THROW(pack(w, {.scale = {1}, .zero_point = {}})->linear(Tensor::zeros({1, 4}), Tensor()), ShapeError);
}

}  // namespace
}  // namespace pith
