#include "tensor/lanes.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/random.h"
#include "tensor/tensor.h"

namespace pith {
namespace {

TEST(Lanes, PutSixteenImagesOfOnePixelIntoOneLine) {
  Tensor x = Tensor::empty({17, 2, 3, 5});
  fill_normal(x, 0, 1, {.seed = 1});
  const Tensor y = to_lanes(x, 1);
  const LaneGeometry& g = y.geometry();
  const float *in = x.data<float>(), *out = y.data<float>();
  for (int64_t n = 0; n < 17; ++n)
    for (int64_t c = 0; c < 2; ++c)
      for (int64_t i = 0; i < 3; ++i)
        for (int64_t j = 0; j < 5; ++j)
          ASSERT_EQ(out[g.line(n / 16, c, i, j) * 16 + n % 16], in[((n * 2 + c) * 3 + i) * 5 + j]);
}

TEST(Lanes, KeepHaloAndDeadLanesAtZeroInReusedMemory) {
  Tensor dirt = Tensor::full({2, 2, 5, 16, 8}, 7);
  const size_t size = dirt.bytes();
  dirt = Tensor();
  const Tensor x = Tensor::full({3, 2, 2, 3}, 1);
  const Tensor y = to_lanes(x, 2);
  ASSERT_LE(size, 2 * y.bytes());
  double total = 0;
  for (size_t i = 0; i < y.bytes() / 4; ++i) total += y.data<float>()[i];
  EXPECT_EQ(total, static_cast<double>(x.numel()));
}

TEST(Lanes, ComeBackToPlainUnchanged) {
  for (const Shape& s : {Shape{1, 1, 1, 1}, Shape{16, 3, 8, 8}, Shape{33, 5, 4, 7}, Shape{20, 13}}) {
    Tensor x = Tensor::empty(s);
    fill_normal(x, 0, 1, {.seed = 2});
    EXPECT_EQ(to_plain(to_lanes(x, 0)).to_vector<float>(), x.to_vector<float>()) << text(s);
    if (s.rank() == 4) {
      EXPECT_EQ(to_plain(to_lanes(to_lanes(x, 2), 1)).to_vector<float>(), x.to_vector<float>()) << text(s);
    }
  }
}

template <class T>
std::vector<T> counting(const Shape& s, int step) {
  std::vector<T> values;
  for (int64_t i = 0; i < s.numel(); ++i) values.push_back(static_cast<T>(i * step % 251 - (T(-1) < T(0) ? 125 : 0)));
  return values;
}

TEST(ByteLanes, PutFourChannelsOfSixteenImagesIntoOneLine) {
  const Shape s{17, 6, 3, 5};
  const std::vector<uint8_t> in = counting<uint8_t>(s, 7);
  const Tensor y = to_lanes(Tensor::from(in, s), 1, 9);
  const uint8_t* const out = y.data<uint8_t>();
  for (int64_t n = 0; n < 17; ++n)
    for (int64_t c = 0; c < 6; ++c)
      for (int64_t i = 0; i < 3; ++i)
        for (int64_t j = 0; j < 5; ++j) {  // [n/16][c/4][5][7][16][4]
          const int64_t line = ((n / 16 * 2 + c / 4) * y.geometry().plane) + (i + 1) * 7 + j + 1;
          ASSERT_EQ(out[(line * 16 + n % 16) * 4 + c % 4], in[static_cast<size_t>(((n * 6 + c) * 3 + i) * 5 + j)]);
        }
}

TEST(ByteLanes, HoldTheZeroPointInTheHalo) {
  const Tensor y = to_lanes(Tensor::full({3, 2, 2, 3}, 1, DType::u8), 2, 77);
  const LaneGeometry& g = y.geometry();
  const uint8_t* const p = y.data<uint8_t>();
  for (int64_t i = -2; i < 4; ++i)
    for (int64_t j = -2; j < 5; ++j)
      for (int64_t b = 0; b < 64; ++b)
        if (i < 0 || i > 1 || j < 0 || j > 2) {
          ASSERT_EQ(p[g.line(0, 0, i, j) * 64 + b], 77) << i << " " << j;
        }
  const Tensor wider = to_lanes(y, 3, 77);
  EXPECT_EQ(wider.data<uint8_t>()[0], 77);
  EXPECT_EQ(to_plain(wider).to_vector<int32_t>(), to_plain(y).to_vector<int32_t>());
}

TEST(ByteLanes, ComeBackToPlainUnchanged) {
  for (const Shape& s : {Shape{1, 1, 1, 1}, Shape{16, 3, 8, 8}, Shape{33, 5, 4, 7}, Shape{20, 13}}) {
    const Tensor x = Tensor::from(counting<uint8_t>(s, 13), s), y = Tensor::from(counting<int32_t>(s, 11), s);
    EXPECT_EQ(to_lanes(x, 0).to_vector<uint8_t>(), x.to_vector<uint8_t>()) << text(s);
    EXPECT_EQ(to_lanes(y, 0).to_vector<int32_t>(), y.to_vector<int32_t>()) << text(s);
  }
}

TEST(ByteLanes, RefuseABorderThatTheTypeCannotHave) {
  EXPECT_THROW(to_lanes(Tensor::zeros({1, 1, 2, 2}), 1, 3), TypeError);
  EXPECT_THROW(Tensor::lanes({1, 1, 2, 2}, 1, DType::s8), TypeError);
  EXPECT_THROW(to_lanes(Tensor::zeros({1, 1, 2, 2}, DType::f64), 1), TypeError);
}

TEST(BitLanes, PutTheSignsOfThirtyTwoChannelsIntoOneWord) {
  const Shape s{18, 40, 2, 3};
  const std::vector<int8_t> in = counting<int8_t>(s, 3);
  const Tensor y = to_bit_lanes(Tensor::from(in, s), 1);
  const LaneGeometry& g = y.geometry();
  for (int64_t n = 0; n < 18; ++n)
    for (int64_t c = 0; c < 40; ++c) {
      const int32_t word = y.data<int32_t>()[(((n / 16) * 2 + c / 32) * g.plane + 1 * 5 + 2) * 16 + n % 16];
      ASSERT_EQ(word >> (c % 32) & 1, in[static_cast<size_t>((n * 40 + c) * 6 + 1)] >= 0 ? 1 : 0);
    }
  EXPECT_EQ(y.data<int32_t>()[0], 0) << "the halo";
  const std::vector<int8_t> back = to_lanes(y, 2).to_vector<int8_t>();
  for (size_t i = 0; i < in.size(); ++i) ASSERT_EQ(back[i], in[i] >= 0 ? 1 : -1);
}

struct TileCase {
  Shape shape;
  TileGrid grid;
  int64_t halo;
};

/// Pixel (y, x) of a plain image, 0 outside of it.
float pixel(const Tensor& plain, int64_t n, int64_t c, int64_t y, int64_t x) {
  const Shape& s = plain.shape();
  if (n >= s[0] || y < 0 || y >= s[2] || x < 0 || x >= s[3]) return 0;
  return plain.data<float>()[((n * s[1] + c) * s[2] + y) * s[3] + x];
}

TEST(Tiles, HoldTheirImageAndTheirNeighboursPixelsAroundIt) {
  for (const TileCase& t :
       {TileCase{{1, 2, 8, 12}, {4, 4}, 1}, TileCase{{2, 3, 8, 6}, {4, 2}, 2}, TileCase{{3, 1, 4, 4}, {2, 2}, 2},
        TileCase{{8, 2, 6, 5}, {2, 1}, 1}, TileCase{{1, 1, 4, 4}, {4, 4}, 1}, TileCase{{5, 2, 4, 4}, {1, 4}, 0}}) {
    Tensor plain = Tensor::empty(t.shape);
    fill_normal(plain, 0, 1, {.seed = 3});
    const Tensor tiles = to_tiles(plain, t.grid, t.halo);
    ASSERT_TRUE(tiles.is_tiles() && !tiles.is_lanes());
    const LaneGeometry& g = tiles.geometry();
    for (int64_t b = 0; b < g.blocks; ++b)
      for (int64_t c = 0; c < g.c; ++c)
        for (int64_t y = -t.halo; y < g.h + t.halo; ++y)
          for (int64_t x = -t.halo; x < g.w + t.halo; ++x)
            for (int64_t l = 0; l < 16; ++l) {
              const int64_t tile = l % t.grid.count(), row = tile / t.grid.columns, column = tile % t.grid.columns;
              ASSERT_EQ(tiles.data<float>()[g.line(b, c, y, x) * 16 + l],
                        pixel(plain, b * g.images() + l / t.grid.count(), c, row * g.h + y, column * g.w + x))
                  << text(t.shape) << " lane " << l << " at " << y << ", " << x;
            }
    EXPECT_EQ(to_plain(tiles).to_vector<float>(), plain.to_vector<float>()) << text(t.shape);
    EXPECT_EQ(to_lanes(tiles, 1).to_vector<float>(), plain.to_vector<float>()) << text(t.shape);
    EXPECT_EQ(to_plain(to_tiles(tiles, t.grid, 0)).to_vector<float>(), plain.to_vector<float>()) << text(t.shape);
  }
}

TEST(Tiles, MoveTheBitsOfAnyElementTypeAlikeOnEveryTable) {
  constexpr int64_t kSide = 3, kHalo = 2, kRow = kSide + 2 * kHalo, kLines = kRow * kRow;
  std::vector<int32_t> from(9 * 16);
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<int32_t>(i * 7 % 17) - 1;
  std::vector<uint32_t> start(kLines * 16);
  for (size_t i = 0; i < start.size(); ++i) start[i] = static_cast<uint32_t>(i * 2654435761u) | 0x7f800001u;  // NaNs
  std::vector<uint32_t> first;
  for (const char* isa : {"scalar", "avx2", "avx512"}) {
    const KernelTable* const table = kernels_for(isa);
    if (table == nullptr) continue;
    std::vector<float> lines(start.size());
    std::memcpy(lines.data(), start.data(), start.size() * 4);
    table->exchange_border({.interior = lines.data() + (kHalo * kRow + kHalo) * 16,
                            .plane = kLines,
                            .planes = 1,
                            .row = kRow,
                            .h = kSide,
                            .w = kSide,
                            .halo = kHalo,
                            .from = from.data()});
    std::vector<uint32_t> bits(start.size());
    std::memcpy(bits.data(), lines.data(), start.size() * 4);
    if (first.empty()) first = bits;
    EXPECT_EQ(bits, first) << isa;
  }
  EXPECT_NE(first, start);
}

TEST(Tiles, FillEveryLaneOfASmallBatchWhereTheImagesDivide) {
  EXPECT_EQ(tile_grid(1, 32, 32), (TileGrid{4, 4}));
  EXPECT_EQ(tile_grid(2, 32, 32), (TileGrid{4, 2}));
  EXPECT_EQ(tile_grid(3, 32, 32), (TileGrid{4, 4}));
  EXPECT_EQ(tile_grid(4, 32, 32), (TileGrid{2, 2}));
  EXPECT_EQ(tile_grid(8, 32, 31), (TileGrid{2, 1}));
  EXPECT_EQ(tile_grid(12, 8, 8), (TileGrid{2, 2}));
  EXPECT_EQ(tile_grid(1, 30, 32), (TileGrid{}));
  EXPECT_EQ(tile_grid(16, 32, 32), (TileGrid{}));
}

TEST(Tiles, OfBytesHoldTheZeroPointWhereTheImageEnds) {
  Tensor x = Tensor::tiles({1, 5, 4, 4}, 1, {4, 4}, DType::u8, 77);
  const LaneGeometry& g = x.geometry();
  uint8_t* const p = x.mutable_data<uint8_t>();
  for (int64_t plane = 0; plane < 2; ++plane)
    for (int64_t i = 0; i < 64; ++i) p[g.line(0, plane, 0, 0) * 64 + i] = static_cast<uint8_t>(100 * plane + i);
  exchange_halo(x, 77);
  for (int64_t i = 0; i < 64; ++i) {
    const bool top = i / 16 == 0, left = i / 4 % 4 == 0;  // lane i / 4 is tile (i / 16, i / 4 % 4)
    ASSERT_EQ(p[g.line(0, 1, -1, 0) * 64 + i], top ? 77 : 100 + i - 16);
    ASSERT_EQ(p[g.line(0, 0, 0, -1) * 64 + i], left ? 77 : i - 4);
  }
  EXPECT_EQ(to_plain(x).data<uint8_t>()[4 * 16 + 5], 100 + 5 * 4);
}

TEST(Tiles, RefuseAGridThatDoesNotFit) {
  const Tensor x = Tensor::zeros({1, 1, 8, 8});
  EXPECT_THROW(to_tiles(x, {3, 1}, 1), ShapeError);
  EXPECT_THROW(to_tiles(x, {16, 1}, 1), ShapeError);
  EXPECT_THROW(to_tiles(x, {4, 4}, 3), ShapeError);
  EXPECT_THROW(to_tiles(Tensor::zeros({1, 1, 8, 8}, DType::f64), {4, 4}, 1), TypeError);
}

}  // namespace
}  // namespace pith
