#include "tensor/ops/linear_s8_blocks.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/support/tables.h"

namespace pith {
namespace {

/// Random kept blocks, row 2 empty and row 5 full where there are so many.
struct Blocks {
  int64_t rows, cols;
  std::vector<uint32_t> start{0};
  std::vector<uint16_t> place;
  std::vector<int8_t> values;
  std::vector<float> scale;

  Blocks(int64_t r, int64_t c, double density, Random& random) : rows(r), cols(c) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t b = 0; b < (cols + 3) / 4; ++b) {
        if (random.uniform(0, 1) >= (i == 2 ? 0 : i == 5 ? 1 : density)) continue;
        place.push_back(static_cast<uint16_t>(b));
        for (int64_t j = 0; j < 4; ++j)
          values.push_back(static_cast<int8_t>(b * 4 + j < cols ? random.below(256) - 128 : 0));
      }
      start.push_back(static_cast<uint32_t>(place.size()));
      scale.push_back(static_cast<float>(random.uniform(0.001, 0.1)));
    }
  }
  ops::BytePanels panels() const { return ops::make_byte_panels({rows, cols, start, place, values, scale}); }
  /// Of one row with bytes that stand for x: exact, in 64 bits.
  int64_t sum(int64_t row, const std::vector<int64_t>& x) const {
    int64_t total = 0;
    for (size_t k = start[static_cast<size_t>(row)]; k < start[static_cast<size_t>(row) + 1]; ++k)
      for (size_t j = 0; j < 4 && place[k] * 4 + j < x.size(); ++j) total += values[k * 4 + j] * x[place[k] * 4 + j];
    return total;
  }
};

TEST(LinearBlocks, EqualTheIntegersOnEveryTable) {
  Random random({.seed = 66, .purpose = Purpose::test});
  const ops::ByteScale terms{0.025f, 120};
  for (const int64_t cols : {1, 4, 63, 64, 130, 700})
    for (const int64_t rows : {1, 3, 16, 17, 70})
      for (const double density : {0.0, 0.1, 0.6, 1.0}) {
        const Blocks w(rows, cols, density, random);
        const int64_t n = 1 + random.below(3);
        Tensor x = Tensor::empty({n, cols}), bias = Tensor::full({rows}, 0.25);
        fill_uniform(x, -3, 3, {.seed = 67, .item = static_cast<uint64_t>(cols)});
        std::vector<std::vector<int64_t>> q(static_cast<size_t>(n));
        for (int64_t i = 0; i < n * cols; ++i) {
          const int64_t step = static_cast<int64_t>(std::nearbyint(x.data<float>()[i] / terms.scale));
          q[static_cast<size_t>(i / cols)].push_back(std::clamp<int64_t>(step + 120, 0, 255) - 120);
        }
        const ops::BytePanels panels = w.panels();
        for (const KernelTable* table : test::tables()) {
          const std::vector<float> y = ops::linear_s8_blocks(x, panels, bias, terms, *table).to_vector<float>();
          for (int64_t i = 0; i < n; ++i)
            for (int64_t r = 0; r < rows; ++r) {
              const float product = static_cast<float>(w.sum(r, q[static_cast<size_t>(i)])) *
                                    (terms.scale * w.scale[static_cast<size_t>(r)]);
              ASSERT_EQ(y[static_cast<size_t>(i * rows + r)], product + 0.25f)
                  << table->isa << " rows " << rows << " cols " << cols << " density " << density;
            }
        }
      }
}

TEST(LinearBlocks, AreExactAtTheGreatestDepth) {
  constexpr int64_t kDepth = 65793;  // (2^31 - 1) / (255 * 128)
  Random random({.seed = 68, .purpose = Purpose::test});
  Blocks w(1, kDepth, 1, random);
  for (int64_t i = 0; i < kDepth; ++i) w.values[static_cast<size_t>(i)] = -128;
  w.scale = {1};
  const Tensor x = Tensor::full({1, kDepth}, 255);
  for (const KernelTable* table : test::tables())
    EXPECT_EQ(ops::linear_s8_blocks(x, w.panels(), Tensor(), ops::ByteScale{1, 0}, *table).item(),
              static_cast<float>(kDepth * -128 * 255))
        << table->isa;
}

TEST(LinearBlocks, HaveTheSameBitsForAnyNumberOfThreads) {
  Random random({.seed = 69, .purpose = Purpose::test});
  const Blocks w(900, 800, 0.3, random);
  Tensor x = Tensor::empty({2, 800});
  fill_normal(x, 0, 1, {.seed = 70});
  const int before = threads();
  set_threads(1);
  const auto one = ops::linear_s8_blocks(x, w.panels(), Tensor()).to_vector<float>();
  set_threads(3);
  EXPECT_EQ(ops::linear_s8_blocks(x, w.panels(), Tensor()).to_vector<float>(), one);
  set_threads(before);
}

TEST(LinearBlocks, RefuseWhatDoesNotFit) {
  Random random({.seed = 71, .purpose = Purpose::test});
  const ops::BytePanels w = Blocks(4, 8, 1, random).panels();
  EXPECT_THROW(ops::linear_s8_blocks(Tensor::zeros({1, 7}), w, Tensor()), ShapeError);
  EXPECT_THROW(ops::linear_s8_blocks(Tensor::zeros({1, 8}), w, Tensor::zeros({3})), ShapeError);
  EXPECT_THROW(ops::linear_s8_blocks(Tensor::zeros({1, 8}, DType::f64), w, Tensor()), TypeError);
  EXPECT_THROW(ops::linear_s8_blocks(Tensor::zeros({1, 8}), w, Tensor(), ops::ByteScale{0, 0}), ArgumentError);
}

}  // namespace
}  // namespace pith
