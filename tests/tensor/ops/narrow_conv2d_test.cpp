#include "tensor/ops/narrow_conv2d.h"

#include <gtest/gtest.h>

#include "tensor/kernels/table.h"
#include "tensor/random.h"
#include "tests/support/tables.h"

namespace pith {
namespace {

/// Filters packed by the letter of kernels/narrow_views.h, beside the signed bytes that they stand for.
struct Filters {
  Tensor weights;
  std::vector<uint8_t> codes;
  std::vector<int8_t> levels;
  int bits;
  int64_t panel_vectors;

  ops::NarrowFilters view(int32_t zero_point, int64_t groups) const {
    ops::NarrowFilters f = ops::narrow_filters(weights, Tensor(), zero_point, groups);
    f.bits = bits;
    f.codes = codes.data();
    f.panel_vectors = panel_vectors;
    f.levels = levels.data();
    return f;
  }
};

Filters random_filters(const Shape& shape, int bits, Random& random) {
  const int64_t window = shape[2] * shape[3], each = 8 / bits, panels = (shape[0] + 3) / 4;
  const int64_t vectors = ((shape[1] + 3) / 4 * window * 16 * bits / 8 + 63) / 64;
  Filters f{Tensor::empty(shape, DType::s8),
            std::vector<uint8_t>(static_cast<size_t>(panels * vectors * 64)),
            {},
            bits,
            vectors};
  for (int64_t i = 0; i < (bits == 4 ? 16 : panels * 16); ++i)
    f.levels.push_back(static_cast<int8_t>(bits == 4 ? i - 8 : random.below(255) - 127));
  int8_t* w = f.weights.mutable_data<int8_t>();
  for (int64_t k = 0; k < shape[0]; ++k)
    for (int64_t c = 0; c < shape[1]; ++c)
      for (int64_t i = 0; i < window; ++i) {
        const int code = static_cast<int>(random.below(1 << bits));
        const int64_t byte = ((c / 4 * window + i) * 4 + k % 4) * 4 + c % 4;
        uint8_t& at = f.codes[static_cast<size_t>((k / 4 * vectors + byte / 64 / each) * 64 + byte % 64)];
        at = static_cast<uint8_t>(at | code << (byte / 64 % each * bits));
        *w++ = f.levels[static_cast<size_t>(bits == 4 ? code : k * 4 + code)];
      }
  return f;
}

TEST(NarrowConv2d, EqualsInt8WeightsOfTheSameLevels) {
  Random random({.seed = 61});
  for (const int bits : {4, 2, 1})
    for (const Shape& shape : {Shape{5, 3, 3, 3}, {8, 16, 3, 3}, {16, 17, 1, 1}, {3, 40, 5, 2}, {6, 4, 3, 3}}) {
      const Filters f = random_filters(shape, bits, random);
      const int64_t groups = shape == Shape{6, 4, 3, 3} ? 2 : 1;
      Tensor x = Tensor::empty({18, shape[1] * groups, 7, 6});
      fill_normal(x, 0, 1, {.seed = 62});
      const ops::QuantizedTensor q = ops::quantize(x, 0.03f, 100, 1);
      const Window window{.stride = {2, 1}, .padding = {1, 1}, .groups = groups};
      const auto wide = ops::pack_int_weights(f.weights, Tensor(), 100, groups);
      const auto narrow = f.view(100, groups);
      for (const char* isa : {"scalar", "avx2", "avx512_base", "avx512"})
        if (const KernelTable* t = kernels_for(isa)) {
          EXPECT_EQ(ops::narrow_conv2d(q, narrow, window, {.dtype = DType::s32}, *t).to_vector<int32_t>(),
                    ops::conv2d_s8(q, wide, window, {.dtype = DType::s32}, *t).to_vector<int32_t>())
              << isa << " " << bits << " bits " << text(shape);
        }
    }
}

/// One filter of `channels` equal codes over one pixel.
Filters equal_filter(int64_t channels, int bits, int code, int8_t level) {
  Random random({.seed = 64});
  Filters f = random_filters({1, channels, 1, 1}, bits, random);
  f.weights = Tensor::full({1, channels, 1, 1}, level, DType::s8);
  const int repeated = bits == 4 ? code * 0x11 : bits == 2 ? code * 0x55 : code * 0xff;
  std::fill(f.codes.begin(), f.codes.end(), static_cast<uint8_t>(repeated));
  f.levels[static_cast<size_t>(code)] = level;
  return f;
}

TEST(NarrowConv2d, IsExactAtTheGreatestDepthAndKeepsTheWeightsOfOneMoreToSplitThem) {
  struct Extreme {
    int bits, code;
    int8_t level;
  };
  for (const Extreme& e : {Extreme{4, 0, -8}, {2, 3, 127}, {2, 1, -127}, {1, 1, 127}, {1, 0, -127}}) {
    const int64_t least = e.level < 0 ? int64_t{1} << 31 : (int64_t{1} << 31) - 1;  // |sum| at most
    const int64_t depth = least / (255 * std::abs(int64_t{e.level}));
    for (const int64_t channels : {depth, depth + 1}) {
      const Filters f = equal_filter(channels, e.bits, e.code, e.level);
      const ops::NarrowFilters view = f.view(0, 1);
      EXPECT_EQ(view.frame.packed.empty(), channels == depth) << e.bits << " bits";
      const ops::QuantizedTensor x{Tensor::full({1, channels, 1, 1}, 255, DType::u8), 1, 0};
      for (const KernelTable* t : test::tables_with_base())
        EXPECT_EQ(ops::narrow_conv2d(x, view, {}, {.dtype = DType::f32, .scale = {1}}, *t).item(),
                  static_cast<float>(channels * 255 * e.level))
            << t->isa << " " << e.bits << " bits, level " << int{e.level};
      if (channels > depth) continue;
      EXPECT_EQ(ops::narrow_conv2d(x, view, {}, {.dtype = DType::s32}).item(),
                static_cast<double>(depth * 255 * e.level));
    }
  }
}

TEST(NarrowConv2d, KeepsNothingOfTheWeightsBesideTheirCodes) {
  Random random({.seed = 63});
  const Filters f = random_filters({8, 8, 3, 3}, 4, random);
  const auto view = f.view(0, 1);
  EXPECT_TRUE(view.frame.packed.empty());
  EXPECT_FALSE(view.frame.values.defined());
}

}  // namespace
}  // namespace pith
