#include "tensor/formats/int8_blocks.h"

#include <gtest/gtest.h>

#include "tensor/error.h"
#include "tensor/formats/format_table.h"
#include "tensor/formats/lstm_step.h"
#include "tensor/random.h"
#include "tests/support/hostile_bytes.h"

namespace pith {
namespace {

/// Whole numbers from -127 to 127, most blocks of 1 x 4 pruned at random; every fifth row empty.
Tensor pruned(const Shape& shape, double density, uint64_t item) {
  Tensor t = Tensor::zeros(shape);
  Random random({.seed = 55, .item = item});
  const int64_t cols = shape.numel() / shape[0];
  for (int64_t r = 0; r < shape[0]; ++r)
    for (int64_t c = 0; c < cols; c += 4)
      if (r % 5 != 4 && random.uniform(0, 1) < density)
        for (int64_t j = c; j < std::min(cols, c + 4); ++j)
          t.mutable_data<float>()[r * cols + j] = static_cast<float>(random.below(255) - 127);
  return t;
}

std::shared_ptr<const PackedMatrix> packed(const char* format, const Tensor& w, float scale = 1) {
  const auto quant = std::make_shared<const QuantParams>(QuantParams{.scale = {scale}, .zero_point = {}});
  return find_format(format)->pack({.weight = w, .mask = {}, .quant = quant, .input = {}});
}

TEST(Int8BlocksMatrix, UnpacksWholeStepsExactlyAndCountsItsBytes) {
  for (const Shape& shape : {Shape{1, 1}, {3, 5}, {17, 64}, {40, 99}, {8, 3, 3, 3}})
    for (const double density : {0.0, 0.2, 1.0}) {
      const Tensor w = pruned(shape, density, 1);
      const auto m = packed("int8_1x4", w);
      EXPECT_EQ(m->unpack().to_vector<float>(), w.to_vector<float>()) << text(shape);
      EXPECT_EQ(m->shape(), shape);
      EXPECT_EQ(m->bytes(), write_packed(*m).size());
    }
  // 40 x 650, a tenth of the blocks: 6 bytes each, 8 a row, and at most 5 gaps and a head.
  const Tensor w = pruned({40, 650}, 0.1, 2);
  EXPECT_LT(packed("int8_1x4", w)->bytes(), 40 * 163 * 0.12 * 6 + 40 * 8 + 6 * 64);
}

TEST(Int8BlocksMatrix, RoundsAndLeavesPrunedWeightsOutAsInt8Does) {
  const Tensor w = Tensor::from(std::vector<float>{0.5f, 1.5f, -2.5f, 300, 0.4f, 0.4f, 0, -0.4f, 7}, {1, 9});
  std::vector<uint8_t> keep(9, 1);
  keep[8] = 0;
  const auto mask = std::make_shared<const Mask>(Mask::from(Tensor::from(keep, {1, 9})));
  const auto quant = std::make_shared<const QuantParams>(QuantParams{.scale = {1}, .zero_point = {}});
  const auto m = find_format("int8_1x4")->pack({.weight = w, .mask = mask, .quant = quant, .input = {}});
  EXPECT_EQ(m->unpack().to_vector<float>(), (std::vector<float>{0, 2, -2, 127, 0, 0, 0, 0, 0}));
}

/// The same integers, summed in another order: the same bits.
TEST(Int8BlocksMatrix, MultipliesAsInt8DoesToTheBit) {
  for (const int64_t cols : {1, 6, 64, 131, 650})
    for (const int64_t n : {1, 3, 17}) {
      const Tensor w = pruned({37, cols}, 0.3, 3);
      Tensor x = Tensor::empty({n, cols}), bias = Tensor::empty({37});
      fill_normal(x, 0, 1, {.seed = 56});
      fill_normal(bias, 0, 1, {.seed = 57});
      const auto sparse = packed("int8_1x4", w, 0.02f), whole = packed("int8", w, 0.02f);
      for (const Tensor& operand : {x, to_lanes(x, 0)}) {
        const Tensor y = sparse->linear(operand, bias);
        EXPECT_EQ(y.order(), operand.order());
        EXPECT_EQ(y.to_vector<float>(), whole->linear(operand, bias).to_vector<float>()) << cols << " n " << n;
      }
    }
}

TEST(Int8BlocksMatrix, StepsAnLstmAsInt8DoesToTheBit) {
  constexpr int64_t in = 30, hidden = 70;
  const Tensor w_ih = pruned({4 * hidden, in}, 0.2, 4), w_hh = pruned({4 * hidden, hidden}, 0.1, 5);
  Tensor x = Tensor::empty({1, in}), h = Tensor::empty({1, hidden}), c = Tensor::empty({1, hidden});
  for (Tensor* t : {&x, &h, &c}) fill_normal(*t, 0, 1, {.seed = 58});
  const auto step = [&](const char* format) {
    return lstm_step({packed(format, w_ih, 0.01f), packed(format, w_hh, 0.01f), Tensor()}, x, {h, c});
  };
  const LstmStepState want = step("int8"), got = step("int8_1x4");
  EXPECT_EQ(got.h.to_vector<float>(), want.h.to_vector<float>());
  EXPECT_EQ(got.c.to_vector<float>(), want.c.to_vector<float>());
}

TEST(Int8BlocksMatrix, ComesBackFromItsBytesAndRefusesOthers) {
  const auto m = packed("int8_1x4", pruned({9, 18}, 0.4, 6));
  const std::vector<std::byte> good = write_packed(*m);
  EXPECT_EQ(write_packed(*read_packed(good, "again")), good);
  const auto use = [](const test::Bytes& bytes) {
    try {
      const auto other = read_packed(bytes, "damaged");
      ASSERT_EQ(write_packed(*other), bytes);
      other->unpack();
      other->linear(Tensor::zeros({1, other->cols()}), Tensor());
    } catch (const FormatError&) {
    }
  };
  test::for_each_small_damage(good, [&](const test::Bytes& bad, const std::string&) { use(bad); });
  test::for_each_random_damage(good, 500, 3, [&](const test::Bytes& bad, const std::string&) { use(bad); });
}

TEST(Int8BlocksMatrix, RefusesWhatDoesNotFit) {
  const Tensor w = Tensor::full({2, 3}, 1);
  EXPECT_THROW(find_format("int8_1x4")->pack({.weight = w, .mask = {}, .quant = {}, .input = {}}), ArgumentError);
  EXPECT_NO_THROW(packed("int8_1x4", Tensor::full({1, Int8BlocksMatrix::kColumns}, 127)));
  EXPECT_THROW(packed("int8_1x4", Tensor::full({1, Int8BlocksMatrix::kColumns + 1}, 127)), ArgumentError);
  EXPECT_THROW(packed("int8_1x4", w)->linear(Tensor::zeros({1, 4}), Tensor()), ShapeError);
}

}  // namespace
}  // namespace pith
