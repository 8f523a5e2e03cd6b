#include "tensor/ops/linear_s8_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/support/tables.h"

namespace pith {
namespace {

/// Rows of random bytes with 64 more behind them.
struct Rows {
  std::vector<int8_t> w;
  std::vector<float> scale;
  std::vector<int64_t> sums;
  int64_t rows, cols;
  Rows(int64_t r, int64_t c, Random& random) : w(static_cast<size_t>(r * c + 64), 99), rows(r), cols(c) {
    for (int64_t i = 0; i < r; ++i) {
      int64_t sum = 0;
      for (int64_t j = 0; j < c; ++j)
        sum += w[static_cast<size_t>(i * c + j)] = static_cast<int8_t>(random.below(256) - 128);
      sums.push_back(sum);
      scale.push_back(static_cast<float>(random.uniform(0.001, 0.1)));
    }
  }
  ops::ByteRows view() const { return {w.data(), rows, cols, cols, scale, sums}; }
};

TEST(LinearRows, EqualTheIntegersOnEveryTable) {
  Random random({.seed = 61, .purpose = Purpose::test});
  for (const int64_t cols : {1, 15, 63, 64, 65, 130, 700})
    for (const int64_t rows : {1, 3, 4, 9, 70})
      for (const int64_t n : {1, 2, 3, 4, 7}) {
        const Rows w(rows, cols, random);
        Tensor x = Tensor::empty({n, cols}), bias = Tensor::full({rows}, 0.25);
        fill_uniform(x, -3, 3, {.seed = 62, .item = static_cast<uint64_t>(cols)});
        const std::vector<float> in = x.to_vector<float>();
        const ops::ByteScale terms{0.025f, 120};
        for (const KernelTable* table : test::tables()) {
          set_threads(1 + static_cast<int>(rows % 2));
          const std::vector<float> y = ops::linear_s8_rows(x, w.view(), bias, terms, *table).to_vector<float>();
          for (int64_t i = 0; i < n; ++i)
            for (int64_t r = 0; r < rows; ++r) {
              int64_t sum = 0;
              for (int64_t c = 0; c < cols; ++c) {
                const float v = std::nearbyint(in[static_cast<size_t>(i * cols + c)] / terms.scale);
                sum += (std::min(std::max(static_cast<int64_t>(v) + 120, int64_t{0}), int64_t{255}) - 120) *
                       w.w[static_cast<size_t>(r * cols + c)];
              }
              const float product = static_cast<float>(sum) * (terms.scale * w.scale[static_cast<size_t>(r)]);
              ASSERT_EQ(y[static_cast<size_t>(i * rows + r)], product + 0.25f) << table->isa << " cols " << cols;
            }
        }
      }
  set_threads(1);
}

TEST(LinearRows, AreExactBehindTheGreatestDepth) {
  for (const KernelTable* table : test::tables())
    for (const int64_t cols : {65793, 65794, 140000}) {
      const std::vector<int8_t> w(static_cast<size_t>(cols + 64), -128);
      const std::vector<float> scale{1};
      const std::vector<int64_t> sums{-128 * cols};
      const Tensor x = Tensor::full({1, cols}, 255);
      const ops::ByteRows rows{w.data(), 1, cols, cols, scale, sums};
      const Tensor y = ops::linear_s8_rows(x, rows, Tensor(), ops::ByteScale{1, 0}, *table);
      EXPECT_EQ(y.to_vector<float>()[0], static_cast<float>(cols * -128 * 255)) << table->isa;
    }
}

TEST(LinearRows, TakeTheScaleOfTheLargestElementByThemselves) {
  Random random({.seed = 63, .purpose = Purpose::test});
  const Rows w(40, 300, random);
  Tensor x = Tensor::empty({2, 300});
  fill_normal(x, 0, 1, {.seed = 64});
  EXPECT_EQ(ops::symmetric_scales(Tensor::full({1, 2}, -12.7f))[0].scale, 12.7f / 127);
  EXPECT_EQ(ops::symmetric_scales(Tensor::zeros({1, 2}))[0].scale, 1);
  const std::vector<float> y = ops::linear_s8_rows(x, w.view(), Tensor()).to_vector<float>(), in = x.to_vector<float>();
  for (size_t i = 0; i < 2; ++i)
    for (size_t r = 0; r < 40; ++r) {
      double want = 0, size = 0;
      for (size_t c = 0; c < 300; ++c) {
        want += static_cast<double>(in[i * 300 + c]) * w.w[r * 300 + c] * w.scale[r];
        size += std::fabs(static_cast<double>(w.w[r * 300 + c]) * w.scale[r]);
      }
      EXPECT_NEAR(y[i * 40 + r], want, size * 4.0 / 127 / 2);  // half a step of x a product
    }
}

TEST(LinearRows, AnswerAVectorAsIfItStoodAlone) {
  Random random({.seed = 66, .purpose = Purpose::test});
  const Rows w(21, 100, random);
  Tensor x = Tensor::empty({5, 100});
  fill_normal(x, 0, 1, {.seed = 67});
  for (int64_t i = 0; i < x.numel(); ++i) x.mutable_data<float>()[i] *= static_cast<float>(1 << i / 100);
  const Tensor together = ops::linear_s8_rows(x, w.view(), Tensor()), rounded = ops::byte_rounded(x);
  for (int64_t i = 0; i < 5; ++i) {
    const Tensor alone = x.narrow(0, i, 1).clone();
    EXPECT_EQ(together.narrow(0, i, 1).to_vector<float>(), ops::linear_s8_rows(alone, w.view(), {}).to_vector<float>());
    float most = 0;
    for (const float v : alone.to_vector<float>()) most = std::max(most, std::abs(v));
    for (int64_t c = 0; c < 100; ++c) {
      const float step = most / 127, v = x.data<float>()[i * 100 + c];
      EXPECT_EQ(rounded.data<float>()[i * 100 + c], step * std::nearbyint(v / step));
    }
  }
}

TEST(LinearRows, RefuseWhatDoesNotFit) {
  Random random({.seed = 65, .purpose = Purpose::test});
  const Rows w(4, 8, random);
  EXPECT_THROW(ops::linear_s8_rows(Tensor::zeros({1, 7}), w.view(), Tensor()), ShapeError);
  EXPECT_THROW(ops::linear_s8_rows(Tensor::zeros({1, 8}), w.view(), Tensor::zeros({3})), ShapeError);
  EXPECT_THROW(ops::linear_s8_rows(Tensor::zeros({1, 8}, DType::f64), w.view(), Tensor()), TypeError);
  EXPECT_THROW(ops::linear_s8_rows(Tensor::zeros({1, 8}), w.view(), Tensor(), ops::ByteScale{0, 0}), ArgumentError);
  const Tensor infinite = Tensor::full({1, 8}, std::numeric_limits<double>::infinity());
  EXPECT_THROW(ops::linear_s8_rows(infinite, w.view(), Tensor()), NumericError);
}

}  // namespace
}  // namespace pith
