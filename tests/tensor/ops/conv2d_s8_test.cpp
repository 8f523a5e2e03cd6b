#include "tensor/ops/conv2d_s8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/conv2d_s8_reference.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/support/tables.h"

namespace pith {
namespace {

using ops::IntTarget;
using ops::IntWeights;
using ops::QuantizedTensor;

/// One integer convolution to try, with everything that may go into it.
struct Case {
  Shape x, w, y;
  Window window;
  bool sparse = false;
  std::vector<uint8_t> xs, rs;
  std::vector<int8_t> ws;
  std::vector<int32_t> bias;
  std::vector<float> scale;
  int32_t zero_point = 0, y_zero = 0, r_zero = 0, highest = 255;  ///< highest: of x
  float r_scale = 0;
  bool relu = false, residual = false;
};

std::string text(const Case& c) {
  return "x " + pith::text(c.x) + " w " + pith::text(c.w) + " stride " + std::to_string(c.window.stride[0]) + "," +
         std::to_string(c.window.stride[1]) + " padding " + std::to_string(c.window.padding[0]) + "," +
         std::to_string(c.window.padding[1]) + " groups " + std::to_string(c.window.groups) +
         (c.sparse ? " sparse" : "") + (c.residual ? " residual" : "");
}

void draw_geometry(Case& c, Random& random) {
  const auto pick = [&](int64_t low, int64_t high) { return low + random.below(high - low + 1); };
  for (;;) {
    Window& v = c.window;
    for (size_t a : {0u, 1u}) {
      v.stride[a] = pick(1, 3);
      v.padding[a] = pick(0, 3);
      v.dilation[a] = random.below(3) ? 1 : pick(1, 3);
    }
    if (random.below(2)) v.stride[1] = 1;
    const int64_t kind = random.below(4);  // 0, 1: dense; 2: groups; 3: depthwise
    v.groups = kind < 2 ? 1 : pick(1, 5);
    const int64_t channels = kind == 3 ? 1 : pick(1, 9), filters = kind == 3 ? pick(1, 2) : pick(1, 9);
    c.x = {random.below(4) ? pick(1, 17) : pick(1, 34), channels * v.groups, pick(1, 10), pick(1, 22)};
    c.w = {filters * v.groups, channels, pick(1, 4), pick(1, 4)};
    try {
      c.y = conv2d_shape(c.x, c.w, v);
      return;
    } catch (const ShapeError&) {
    }
  }
}

Case random_case(Random& random) {
  Case c;
  draw_geometry(c, random);
  const bool extreme = random.below(4) == 0;
  c.sparse = random.below(2) == 0;
  const int64_t kept = c.sparse ? random.below(11) : 10;  // tenths: 0 is all pruned, 10 none
  for (int64_t i = 0; i < c.x.numel(); ++i)
    c.xs.push_back(static_cast<uint8_t>(extreme ? random.below(2) * 255 : random.below(256)));
  for (int64_t i = 0; i < c.w.numel(); ++i) {
    const int64_t v = extreme ? (random.below(2) ? 127 : -128) : random.below(256) - 128;
    c.ws.push_back(static_cast<int8_t>(random.below(10) < kept ? v : 0));
  }
  for (int64_t k = 0; k < c.w[0]; ++k) {
    c.bias.push_back(static_cast<int32_t>(random.below(20001) - 10000));
    c.scale.push_back(static_cast<float>(random.uniform(1e-4, 2e-2) * (random.below(8) ? 1 : 1e7)));
  }
  for (int64_t i = 0; i < c.y.numel(); ++i) c.rs.push_back(static_cast<uint8_t>(random.below(256)));
  c.zero_point = static_cast<int32_t>(random.below(256));
  c.y_zero = static_cast<int32_t>(random.below(256));
  c.r_zero = static_cast<int32_t>(random.below(256));
  c.r_scale = static_cast<float>(random.uniform(0.01, 3));
  c.relu = random.below(2) != 0;
  c.residual = random.below(2) != 0;
  return c;
}

IntWeights pack(const Case& c) {
  const Tensor w = Tensor::from(c.ws, c.w), bias = Tensor::from(c.bias, {c.w[0]});
  return c.sparse ? ops::pack_sparse_int_weights(w, bias, c.zero_point, c.window.groups)
                  : ops::pack_int_weights(w, bias, c.zero_point, c.window.groups, c.highest);
}

IntTarget target(const Case& c, DType dtype) {
  IntTarget to{.dtype = dtype, .scale = c.scale};
  if (dtype != DType::u8) return to;
  to.zero_point = c.y_zero;
  to.relu = c.relu;
  if (!c.residual) return to;
  to.residual = {Tensor::from(c.rs, c.y), 1, c.r_zero};
  to.residual_scale = c.r_scale;
  return to;
}

std::vector<int64_t> exact_sums(const Case& c) {
  std::vector<int64_t> sums(static_cast<size_t>(c.y.numel()));
  ops::reference::conv2d_s8(c.xs.data(), c.zero_point, c.ws.data(), sums.data(), c.x, c.w, c.y, c.window);
  for (size_t i = 0; i < sums.size(); ++i)
    sums[i] += c.bias[i / static_cast<size_t>(c.y[2] * c.y[3]) % static_cast<size_t>(c.w[0])];
  return sums;
}

void expect_equal(const Case& c, const KernelTable& table) {
  const std::vector<int64_t> sums = exact_sums(c);
  const QuantizedTensor x{Tensor::from(c.xs, c.x), 1, c.zero_point};
  const IntWeights w = pack(c);
  const auto result = [&](DType dtype) { return ops::conv2d_s8(x, w, c.window, target(c, dtype), table); };
  const std::vector<uint8_t> bytes = result(DType::u8).to_vector<uint8_t>();
  const std::vector<float> floats = result(DType::f32).to_vector<float>();
  const std::vector<int32_t> whole = result(DType::s32).to_vector<int32_t>();
  for (size_t i = 0; i < sums.size(); ++i) {
    const float scale = c.scale[i / static_cast<size_t>(c.y[2] * c.y[3]) % c.scale.size()];
    const float r = c.residual ? ops::reference::residual_term(c.rs[i], c.r_zero, c.r_scale) : 0;
    ASSERT_EQ(whole[i], sums[i]) << table.isa << " " << text(c) << " at " << i;
    ASSERT_EQ(floats[i], static_cast<float>(sums[i]) * scale) << table.isa << " " << text(c) << " at " << i;
    ASSERT_EQ(bytes[i], ops::reference::requantize(sums[i], scale, r, c.y_zero, c.relu))
        << table.isa << " " << text(c) << " at " << i << " sum " << sums[i] << " scale " << scale;
  }
}

/// Deep enough windows of 3 x 3 over bytes whose zero is 0: kernels that leave out the taps beside the border.
TEST(IntConv2d, EqualsTheSlowTwinWhereTheBorderIsLeftOut) {
  Random random({.seed = 37, .purpose = Purpose::test});
  for (const int64_t width : {3, 4, 6, 8, 11, 16})
    for (const int64_t stride : {1, 2})
      for (const int64_t padding : {0, 1})
        for (const int64_t groups : {1, 2}) {
          Case c = random_case(random);
          c.window = {.stride = {stride, stride}, .padding = {padding, padding}, .groups = groups};
          c.x = {17, 36 * groups, 3 + width % 5, width};
          c.w = {5 * groups, 36, 3, 3};
          c.y = conv2d_shape(c.x, c.w, c.window);
          c.sparse = false;
          c.zero_point = 0;
          c.xs.clear(), c.ws.clear(), c.rs.clear();
          for (int64_t i = 0; i < c.x.numel(); ++i) c.xs.push_back(static_cast<uint8_t>(random.below(256)));
          for (int64_t i = 0; i < c.w.numel(); ++i) c.ws.push_back(static_cast<int8_t>(random.below(256) - 128));
          for (int64_t i = 0; i < c.y.numel(); ++i) c.rs.push_back(static_cast<uint8_t>(random.below(256)));
          c.bias.assign(static_cast<size_t>(c.w[0]), 77);
          c.scale.assign(static_cast<size_t>(c.w[0]), 2.3e-4f);
          for (const KernelTable* table : test::tables()) expect_equal(c, *table);
        }
}

/// Weights on both sides of what pairs of products may be in 16 bits (64 + 64 fits, 64 + 65 does not), alone and in
/// runs of taps, at the ends of x's range.
TEST(IntConv2d, EqualsTheSlowTwinWherePairsOfProductsNearlyLeave16Bits) {
  Random random({.seed = 38, .purpose = Purpose::test});
  const std::vector<std::vector<int>> levels = {
      {64, -64, 65, -65}, {-128, 0, 0, 1}, {21, 22, -21, -22}, {-9, -3, 2, 8}, {127, 1, 2, -128, 0, 0, 0}};
  for (int i = 0; i < 40; ++i) {
    Case c = random_case(random);
    c.sparse = false;
    const std::vector<int>& some = levels[static_cast<size_t>(i) % levels.size()];
    const int64_t count = static_cast<int64_t>(some.size());
    for (int8_t& w : c.ws) w = static_cast<int8_t>(some[static_cast<size_t>(random.below(count))]);
    for (uint8_t& x : c.xs) x = static_cast<uint8_t>(random.below(8) ? 255 * random.below(2) : random.below(256));
    for (const KernelTable* table : test::tables()) expect_equal(c, *table);
  }
}

/// Activations of 0 and 1 with weights of -1 and 1; groups multiply bytes as ever.
TEST(IntConv2d, EqualsTheSlowTwinWhereItCountsBits) {
  Random random({.seed = 41, .purpose = Purpose::test});
  int64_t counted = 0;
  for (int i = 0; i < 200; ++i) {
    Case c = random_case(random);
    const int64_t channels = random.below(3) ? 1 + random.below(70) : c.w[1];
    c.x = {c.x[0], channels * c.window.groups, c.x[2], c.x[3]};
    c.w = {c.w[0], channels, c.w[2], c.w[3]};
    c.sparse = false;
    c.highest = 1;
    c.zero_point = static_cast<int32_t>(random.below(2));
    c.xs.clear(), c.ws.clear();
    for (int64_t j = 0; j < c.x.numel(); ++j) c.xs.push_back(static_cast<uint8_t>(random.below(2)));
    for (int64_t j = 0; j < c.w.numel(); ++j) c.ws.push_back(static_cast<int8_t>(random.below(2) ? 1 : -1));
    const bool counts = pack(c).signs.shape == c.w;
    EXPECT_EQ(counts, c.window.groups == 1);
    counted += counts;
    for (const KernelTable* table : test::tables_with_base()) {
      set_threads(1 + i % 2);
      expect_equal(c, *table);
      if (HasFatalFailure()) return;
    }
  }
  set_threads(1);
  EXPECT_GT(counted, 50);
}

TEST(IntConv2d, KnowsWhichWeightsAreSigns) {
  const auto are = [](const std::vector<int8_t>& w, const Shape& shape, int32_t bias, int32_t highest) {
    const Tensor b = Tensor::full({shape[0]}, bias, DType::s32);
    return ops::pack_int_weights(Tensor::from(w, shape), b, 0, 1, highest).signs.shape.rank() == 4;
  };
  EXPECT_TRUE(are({1, -1, -1, 1}, {2, 2, 1, 1}, 0, 1));
  EXPECT_FALSE(are({1, -1, -1, 1}, {2, 2, 1, 1}, 0, 3)) << "activations of two bits";
  EXPECT_FALSE(are({1, -1, 0, 1}, {2, 2, 1, 1}, 0, 1)) << "a weight of 0";
  EXPECT_FALSE(are({1, -1, 2, 1}, {2, 2, 1, 1}, 0, 1)) << "a weight of 2";
  EXPECT_FALSE(are({1, -1, -1, 1}, {2, 2}, 0, 1)) << "a linear layer";
  EXPECT_FALSE(are({1, -1, -1, 1}, {2, 2, 1, 1}, std::numeric_limits<int32_t>::max() / 2, 1)) << "a doubled bias";
}

TEST(IntConv2d, EqualsTheSlowTwinOnEveryTableForRandomCases) {
  Random random({.seed = 31, .purpose = Purpose::test});
  for (int i = 0; i < 200; ++i) {
    const Case c = random_case(random);
    for (const KernelTable* table : test::tables()) {
      set_threads(1 + i % 2);
      expect_equal(c, *table);
      if (HasFatalFailure()) return;
    }
  }
  set_threads(1);
}

TEST(IntConv2d, RoundsHalfToEvenAndAddsTheZeroPointAfterwards) {
  const std::vector<int8_t> one{1};
  const IntWeights w = ops::pack_int_weights(Tensor::from(one, {1, 1}), Tensor(), 10);
  const std::vector<uint8_t> xs{10, 11, 12, 13, 15, 9, 7, 5, 255, 0};  // 0 1 2 3 5 -1 -3 -5 245 -10, halved, plus 3
  const QuantizedTensor x{Tensor::from(xs, {10, 1}), 1, 10};
  const Tensor y = ops::linear_s8(x, w, {.scale = {0.5f}, .zero_point = 3});
  EXPECT_EQ(y.to_vector<int>(), (std::vector<int>{3, 3, 4, 5, 5, 3, 1, 1, 125, 0}));
  const Tensor r = ops::linear_s8(x, w, {.scale = {0.5f}, .zero_point = 3, .relu = true});
  EXPECT_EQ(r.to_vector<int>(), (std::vector<int>{3, 3, 4, 5, 5, 3, 3, 3, 125, 3}));
  const Tensor high = ops::linear_s8(x, w, {.scale = {1e30f}, .zero_point = 3});
  EXPECT_EQ(high.to_vector<int>(), (std::vector<int>{3, 255, 255, 255, 255, 0, 0, 0, 255, 0}));
}

TEST(IntConv2d, AddsAResidualWithScalesOfItsOwnBeforeTheOneRounding) {
  const IntWeights w = ops::pack_int_weights(Tensor::from(std::vector<int8_t>{1}, {1, 1}), Tensor(), 0);
  const QuantizedTensor x{Tensor::from(std::vector<uint8_t>{1, 1, 3}, {3, 1}), 1, 0};
  IntTarget to{.scale = {0.25f}, .zero_point = 100};
  to.residual = {Tensor::from(std::vector<uint8_t>{9, 8, 7}, {3, 1}), 1, 8};
  to.residual_scale = 0.5f;
  // 0.25 + 0.5 = 0.75 -> 1; 0.25 -> 0; 0.75 - 0.5 = 0.25 -> 0
  EXPECT_EQ(ops::linear_s8(x, w, to).to_vector<int>(), (std::vector<int>{101, 100, 100}));
}

/// A row of `depth` equal weights times equal inputs, as f32.
float long_sum(int64_t depth, int8_t weight, uint8_t input, const KernelTable& table, bool* split) {
  const IntWeights w = ops::pack_int_weights(
      Tensor::from(std::vector<int8_t>(static_cast<size_t>(depth), weight), {1, depth}), Tensor(), 0);
  *split = !w.parts.empty();
  const QuantizedTensor x{Tensor::full({1, depth}, input, DType::u8), 1, 0};
  return ops::linear_s8(x, w, {.dtype = DType::f32, .scale = {1}}, table).to_vector<float>()[0];
}

TEST(IntConv2d, IsExactAtTheGreatestDepthAndSplitBehindIt) {
  constexpr int64_t kDepth = 65793;  // (2^31 - 1) / (255 * 128)
  for (const KernelTable* table : test::tables()) {
    bool split = true;
    EXPECT_EQ(long_sum(kDepth, -128, 255, *table, &split), static_cast<float>(kDepth * -128 * 255));
    EXPECT_FALSE(split);
    // Even with one more, -2^31 - 127 872 would wrap; with 64 more the float differs from what wrapped sums could give.
    for (const int64_t more : {1, 64, 70000}) {
      EXPECT_EQ(long_sum(kDepth + more, -128, 255, *table, &split), static_cast<float>((kDepth + more) * -128 * 255));
      EXPECT_TRUE(split);
    }
    EXPECT_EQ(long_sum(66315, 127, 255, *table, &split), static_cast<float>(int64_t{66315} * 127 * 255))
        << "real bound";
  }
}

/// The one sum of a 3 x 3 window over one pixel's neighbourhood, every weight and every input the same.
Tensor window_sum(const IntWeights& w, uint8_t input, const KernelTable& table, DType dtype) {
  const QuantizedTensor x{Tensor::full({1, w.shape[1], w.shape[2], w.shape[3]}, input, DType::u8), 1, 0};
  const std::vector<float> scale(dtype == DType::s32 ? 0 : 1, 1.0f);
  return ops::conv2d_s8(x, w, {}, {.dtype = dtype, .scale = scale}, table);
}

TEST(IntConv2d, ConvolvesExactlyAtTheGreatestDepthAndSplitsBehindIt) {
  for (const KernelTable* table : test::tables_with_base()) {
    // 65,793 = 7,310 x 9 + 3; 66,311 is the real bound of 127, 7,368 x 9 = 66,312 the next depth of the window.
    for (const auto& [channels, weight] : {std::pair<int64_t, int64_t>{7310, -128}, {7367, 127}}) {
      const IntWeights last =
          ops::pack_int_weights(Tensor::full({1, channels, 3, 3}, static_cast<double>(weight), DType::s8), Tensor(), 0);
      EXPECT_TRUE(last.parts.empty());
      EXPECT_EQ(window_sum(last, 255, *table, DType::s32).item(), static_cast<double>(channels * 9 * weight * 255))
          << table->isa;
      const IntWeights next = ops::pack_int_weights(
          Tensor::full({1, channels + 1, 3, 3}, static_cast<double>(weight), DType::s8), Tensor(), 0);
      EXPECT_FALSE(next.parts.empty());
      EXPECT_THROW(window_sum(next, 255, *table, DType::s32), ArgumentError);
      EXPECT_EQ(window_sum(next, 255, *table, DType::f32).item(), static_cast<float>((channels + 1) * 9 * weight * 255))
          << table->isa;
    }
  }
}

TEST(IntConv2d, LeavesBlocksOutExactlyAtTheGreatestDepthAndRefusesOneMore) {
  constexpr int64_t kDepth = 65793;
  std::vector<int8_t> row(kDepth + 1, -128);
  row.back() = 0;  // pruned: the next block of 1 x 4 keeps one weight
  const Tensor bytes = Tensor::full({1, kDepth + 1}, 255, DType::u8);
  const IntWeights w = ops::pack_sparse_int_weights(Tensor::from(row, {1, kDepth + 1}), Tensor(), 0);
  for (const KernelTable* table : test::tables_with_base())
    EXPECT_EQ(ops::linear_s8({bytes, 1, 0}, w, {.dtype = DType::s32}, *table).item(), kDepth * -128.0 * 255)
        << table->isa;
  row.back() = -128;
  EXPECT_THROW(ops::pack_sparse_int_weights(Tensor::from(row, {1, kDepth + 1}), Tensor(), 0), ArgumentError);
}

TEST(IntConv2d, CountsFourBitInputsByTheirOwnRange) {
  constexpr int64_t kDepth = 1118481;  // (2^31 - 1) / (15 * 128)
  for (const int64_t depth : {kDepth, kDepth + 1}) {
    const Tensor w = Tensor::full({1, depth}, -128, DType::s8), x = Tensor::full({1, depth}, 15, DType::u8);
    const IntWeights packed = ops::pack_int_weights(w, Tensor(), 0, 1, 15);
    EXPECT_EQ(packed.parts.empty(), depth == kDepth);
    for (const KernelTable* table : test::tables_with_base())
      EXPECT_EQ(ops::linear_s8({x, 1, 0}, packed, {.dtype = DType::f32, .scale = {1}}, *table).item(),
                static_cast<float>(depth * -128 * 15))
          << table->isa;
  }
}

TEST(IntConv2d, SplitsASumThatOnlyItsBiasDrivesOver) {
  const Tensor w = Tensor::from(std::vector<int8_t>{1, 1}, {1, 2});
  const Tensor bias = Tensor::from(std::vector<int32_t>{std::numeric_limits<int32_t>::max() - 100}, {1});
  const IntWeights packed = ops::pack_int_weights(w, bias, 0);
  EXPECT_FALSE(packed.parts.empty());
  const QuantizedTensor x{Tensor::full({1, 2}, 255, DType::u8), 1, 0};
  const Tensor y = ops::linear_s8(x, packed, {.dtype = DType::f32, .scale = {1}});
  EXPECT_EQ(y.to_vector<float>()[0], static_cast<float>(int64_t{std::numeric_limits<int32_t>::max()} + 410));
  EXPECT_EQ(ops::linear_s8(x, packed, {.scale = {1e-7f}}).to_vector<int>()[0], 215);
  EXPECT_THROW(ops::linear_s8(x, packed, {.dtype = DType::s32}), ArgumentError);
  EXPECT_THROW(ops::pack_sparse_int_weights(w, bias, 0), ArgumentError);
}

TEST(IntConv2d, RunsLinearLayersOfAnyWidth) {
  Random random({.seed = 32, .purpose = Purpose::test});
  for (const int64_t rows : {1, 3, 4, 31, 70})
    for (const int64_t n : {1, 15, 17, 130}) {
      Case c;
      const int64_t cols = 1 + random.below(90);
      c.x = {n, cols, 1, 1}, c.w = {rows, cols, 1, 1}, c.y = {n, rows, 1, 1};
      for (int64_t i = 0; i < n * cols; ++i) c.xs.push_back(static_cast<uint8_t>(random.below(256)));
      for (int64_t i = 0; i < rows * cols; ++i) c.ws.push_back(static_cast<int8_t>(random.below(256) - 128));
      for (int64_t i = 0; i < n * rows; ++i) c.rs.push_back(static_cast<uint8_t>(random.below(256)));
      c.bias.assign(static_cast<size_t>(rows), 7);
      const std::vector<int64_t> sums = exact_sums(c);
      IntTarget to{.scale = std::vector<float>(static_cast<size_t>(rows), 0.003f)};
      to.residual = {Tensor::from(c.rs, {n, rows}), 1, 5};
      to.residual_scale = 0.7f;
      for (const bool sparse : {false, true})
        for (const KernelTable* table : test::tables()) {
          const Tensor w = Tensor::from(c.ws, {rows, cols}), bias = Tensor::from(c.bias, {rows});
          const IntWeights p = sparse ? ops::pack_sparse_int_weights(w, bias, 0) : ops::pack_int_weights(w, bias, 0);
          const Tensor y = ops::linear_s8({Tensor::from(c.xs, {n, cols}), 1, 0}, p, to, *table);
          const std::vector<uint8_t> out = y.to_vector<uint8_t>();
          for (size_t i = 0; i < out.size(); ++i) {
            const float r = ops::reference::residual_term(c.rs[i], 5, 0.7f);
            ASSERT_EQ(out[i], ops::reference::requantize(sums[i], 0.003f, r, 0, false)) << table->isa << " at " << i;
          }
        }
    }
}

TEST(IntConv2d, GivesTheSameBytesForTilesOfOneImageAsForLanes) {
  Tensor image = Tensor::empty({1, 8, 32, 32});
  fill_uniform(image, 0, 255, {.seed = 41});
  Tensor values = Tensor::empty({6, 8, 3, 3});
  fill_normal(values, 0, 40, {.seed = 42});
  const IntWeights w = ops::pack_int_weights(values.to(DType::s8), Tensor(), 9);
  for (const KernelTable* table : test::tables())
    for (const int64_t stride : {1, 2}) {
      const Window window{.stride = {stride, stride}, .padding = {1, 1}};
      IntTarget to{.scale = std::vector<float>(6, 2e-3f), .zero_point = 7, .relu = true};
      const TileGrid grid = tile_grid(1, 32, 32);
      ASSERT_EQ(grid.count(), 16);
      const QuantizedTensor tiles = ops::quantize(to_tiles(image, grid, 1), 1, 9, 1, *table);
      const QuantizedTensor lanes = ops::quantize(image, 1, 9, 1, *table);
      const Tensor a = ops::conv2d_s8(tiles, w, window, to, *table), b = ops::conv2d_s8(lanes, w, window, to, *table);
      ASSERT_TRUE(a.is_tiles());
      ASSERT_EQ(a.to_vector<int>(), b.to_vector<int>()) << table->isa;
      // A second layer reads the halo that the first one exchanged, and adds the first one's result.
      const IntWeights next = ops::pack_int_weights(Tensor::full({6, 6, 3, 3}, 1, DType::s8), Tensor(), 7);
      const auto second = [&](const Tensor& y) {
        IntTarget added{.scale = std::vector<float>(6, 0.02f), .zero_point = 7, .residual = {y, 1, 7}};
        added.residual_scale = 0.5f;
        return ops::conv2d_s8({y, 1, 7}, next, {.padding = {1, 1}}, added, *table);
      };
      ASSERT_TRUE(second(a).is_tiles());
      ASSERT_EQ(second(a).to_vector<int>(), second(b).to_vector<int>()) << table->isa;
      EXPECT_EQ(ops::dequantize({a, 1, 7}, *table).to_vector<float>(), ops::dequantize({b, 1, 7}).to_vector<float>());
    }
}

/// Few images are unfolded, many are not.
TEST(IntConv2d, GivesForFewImagesWhatItGivesForMany) {
  Random random({.seed = 92, .purpose = Purpose::test});
  for (const auto& [channels, rows] : {std::pair<int64_t, int64_t>{1, 6}, {6, 10}, {13, 10}})
    for (const Window& window :
         {Window{}, Window{.stride = {2, 1}, .padding = {2, 1}}, Window{.padding = {3, 3}, .dilation = {1, 2}}}) {
      std::vector<uint8_t> x;
      for (int64_t i = 0; i < 20 * channels * 14 * 11; ++i) x.push_back(static_cast<uint8_t>(random.below(256)));
      std::vector<int8_t> w;
      for (int64_t i = 0; i < rows * channels * 5 * 3; ++i) w.push_back(static_cast<int8_t>(random.below(256) - 128));
      const QuantizedTensor many{Tensor::from(x, {20, channels, 14, 11}), 1, 77};
      const IntWeights packed = ops::pack_int_weights(Tensor::from(w, {rows, channels, 5, 3}), {}, 77);
      const IntTarget to{
          .scale = std::vector<float>(static_cast<size_t>(rows), 0.003f), .zero_point = 30, .relu = true};
      for (const KernelTable* table : test::tables()) {
        const Tensor all = to_plain(ops::conv2d_s8(many, packed, window, to, *table));
        for (const int64_t n : {1, 4, 5}) {
          const QuantizedTensor few{many.values.narrow(0, 0, n).clone(), 1, 77};
          EXPECT_EQ(to_plain(ops::conv2d_s8(few, packed, window, to, *table)).to_vector<uint8_t>(),
                    all.narrow(0, 0, n).clone().to_vector<uint8_t>())
              << table->isa << ", " << n << " images of " << channels << " channels";
        }
      }
    }
}

TEST(IntConv2d, LeavesTheZeroPointInTheHaloOfItsResult) {
  const IntWeights w = ops::pack_int_weights(Tensor::full({5, 3, 3, 3}, 1, DType::s8), Tensor(), 7);
  const QuantizedTensor x{Tensor::full({2, 3, 4, 4}, 9, DType::u8), 1, 7};
  const Tensor y = ops::conv2d_s8(x, w, {.padding = {1, 1}}, {.scale = std::vector<float>(5, 1), .zero_point = 33});
  const LaneGeometry& g = y.geometry();
  ASSERT_EQ(g.halo, 1);
  for (int64_t plane = 0; plane < 2; ++plane)
    for (int64_t i = -1; i < 5; ++i)
      for (int64_t b = 0; b < 64; ++b) {
        ASSERT_EQ(y.data<uint8_t>()[g.line(0, plane, i, -1) * 64 + b], 33);
        ASSERT_EQ(y.data<uint8_t>()[g.line(0, plane, -1, i) * 64 + b], 33);
        ASSERT_EQ(y.data<uint8_t>()[g.line(0, plane, i, 4) * 64 + b], 33);
      }
  // In the middle 27 products of 2, in a corner 12: the padding counts as 0, not as -7.
  EXPECT_EQ(y.to_vector<int>()[5], 33 + 54);
  EXPECT_EQ(y.to_vector<int>()[0], 33 + 24);
}

TEST(IntConv2d, RefusesWhatDoesNotFit) {
  const IntWeights w = ops::pack_int_weights(Tensor::full({4, 4, 1, 1}, 1, DType::s8), Tensor(), 7);
  const QuantizedTensor x{Tensor::full({1, 4, 2, 2}, 9, DType::u8), 1, 7};
  const IntTarget to{.scale = std::vector<float>(4, 1)};
  EXPECT_THROW(ops::conv2d_s8({x.values, 1, 8}, w, {}, to), ArgumentError) << "another zero point";
  EXPECT_THROW(ops::conv2d_s8(x, w, {}, {.scale = {1}}), ArgumentError) << "one scale for four channels";
  EXPECT_THROW(ops::conv2d_s8({Tensor::zeros({1, 4, 2, 2}), 1, 7}, w, {}, to), TypeError);
  EXPECT_THROW(ops::conv2d_s8({Tensor::zeros({1, 3, 2, 2}, DType::u8), 1, 7}, w, {}, to), ShapeError);
  EXPECT_THROW(ops::pack_int_weights(Tensor::zeros({4, 4}), Tensor(), 0), TypeError);
  EXPECT_THROW(ops::pack_int_weights(Tensor::zeros({4, 4}, DType::s8), Tensor(), 256), ArgumentError);
  EXPECT_THROW(ops::pack_int_weights(Tensor::zeros({4, 4}, DType::s8), Tensor::zeros({3}, DType::s32), 0), ShapeError);
}

}  // namespace
}  // namespace pith
