// Bytes of one quantisation as bytes of another, against the rule written out in doubles, on every instruction set.
#include "tensor/ops/requantize_u8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tensor/error.h"
#include "tests/support/files.h"
#include "tests/support/tables.h"

namespace pith {
namespace {

/// Every byte, over and over.
Tensor bytes(const Shape& shape) {
  std::vector<uint8_t> all(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint8_t>(i * 37);
  return Tensor::from(all, shape);
}

uint8_t expected(uint8_t q, int32_t zero, const ops::RequantizedAs& to) {
  const float product = static_cast<float>(q - zero) * to.multiplier;  // rounded to f32, as the rule says
  const double nearest = std::nearbyint(static_cast<double>(product)) + to.zero_point;
  return static_cast<uint8_t>(std::clamp(nearest, 0.0, static_cast<double>(to.highest)));
}

const std::vector<ops::RequantizedAs>& targets() {
  static const std::vector<ops::RequantizedAs> all{{.multiplier = 1.0f},
                                                   {.multiplier = 0.5f, .highest = 15},  // ties
                                                   {.multiplier = 0.013f, .highest = 3},
                                                   {.multiplier = 0.013f, .zero_point = 1, .highest = 3},
                                                   {.multiplier = 0.004f, .highest = 1},
                                                   {.multiplier = 3.7f, .zero_point = 128, .highest = 255},
                                                   {.multiplier = 1e9f, .zero_point = 7, .highest = 15},
                                                   {.multiplier = 1e-30f, .zero_point = 2, .highest = 7}};
  return all;
}

TEST(RequantizeU8, IsTheRuleForEveryByteOnEveryTable) {
  for (const KernelTable* const table : test::tables())
    for (const ops::RequantizedAs& to : targets())
      for (const int32_t zero : {0, 3, 128, 255})
        for (const Shape& shape : {Shape{3, 5, 9, 7}, Shape{20, 33}}) {
          const Tensor x = bytes(shape);
          const ops::QuantizedTensor y = ops::requantize_u8({x, 1, zero}, to, *table);
          std::vector<uint8_t> wanted;
          for (const uint8_t q : x.to_vector<uint8_t>()) wanted.push_back(expected(q, zero, to));
          EXPECT_EQ(y.values.to_vector<uint8_t>(), wanted) << table->isa << " " << to.multiplier << " " << zero;
          EXPECT_EQ(y.zero_point, to.zero_point);
        }
}

TEST(RequantizeU8, KeepsTilesAndPutsTheZeroPointIntoTheHalo) {
  const Tensor x = bytes({1, 4, 16, 16});
  const TileGrid grid = tile_grid(1, 16, 16);
  ASSERT_GT(grid.count(), 1);
  const ops::RequantizedAs to{.multiplier = 0.1f, .zero_point = 2, .highest = 15};
  const ops::QuantizedTensor lanes = ops::in_lanes({x, 1, 9}, 1);
  const ops::QuantizedTensor y = ops::requantize_u8(lanes, to);
  EXPECT_TRUE(y.values.is_lanes());
  const uint8_t* const all = y.values.data<uint8_t>();
  EXPECT_EQ(all[0], 2);  // a corner of the halo
  const ops::QuantizedTensor tiles = ops::quantize(to_tiles(x.to(DType::f32), grid, 1), 1, 9, 1);
  const ops::QuantizedTensor whole = ops::quantize(x.to(DType::f32), 1, 9, 1);
  ASSERT_TRUE(tiles.values.is_tiles());
  EXPECT_TRUE(ops::requantize_u8(tiles, to).values.is_tiles());
  EXPECT_EQ(ops::requantize_u8(tiles, to).values.to_vector<uint8_t>(),
            ops::requantize_u8(whole, to).values.to_vector<uint8_t>());
}

TEST(RequantizeU8, RefusesWhatIsNoQuantisation) {
  const ops::QuantizedTensor x{bytes({2, 3}), 1, 0};
  EXPECT_THROW(ops::requantize_u8(x, {.multiplier = 0}), ArgumentError);
  EXPECT_THROW(ops::requantize_u8(x, {.multiplier = NAN}), ArgumentError);
  EXPECT_THROW(ops::requantize_u8(x, {.zero_point = 16, .highest = 15}), ArgumentError);
  EXPECT_THROW(ops::requantize_u8(x, {.zero_point = -1}), ArgumentError);
  EXPECT_THROW(ops::requantize_u8(x, {.highest = 256}), ArgumentError);
  EXPECT_THROW(ops::requantize_u8({Tensor::zeros({2, 3}), 1, 0}, {}), TypeError);
}

}  // namespace
}  // namespace pith
