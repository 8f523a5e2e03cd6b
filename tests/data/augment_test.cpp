#include "data/augment.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tensor/error.h"

namespace pith::data {
namespace {

const Normalizer kPlain({{0}, {1}}, 1);

std::vector<float> written(const std::vector<uint8_t>& pixels, const Shape& shape, const Placement& p,
                           const Normalizer& n = kPlain) {
  std::vector<float> out(pixels.size(), NAN);
  write_sample(pixels, shape, p, n, out.data());
  return out;
}

TEST(Augment, DrawsEveryPlacementWithinThePaddingAndNoOther) {
  std::set<std::tuple<int64_t, int64_t, bool>> seen;
  for (uint64_t i = 0; i < 2000; ++i) {
    const Placement p = draw_placement({.crop_padding = 2, .flip = true}, {.seed = 1, .item = i});
    EXPECT_LE(std::abs(p.dy), 2);
    EXPECT_LE(std::abs(p.dx), 2);
    seen.insert({p.dy, p.dx, p.flip});
  }
  EXPECT_EQ(seen.size(), 50u);
}

TEST(Augment, LeavesTheSampleAloneWhenNothingIsAsked) {
  const Placement p = draw_placement({}, {.seed = 1, .item = 9});
  EXPECT_EQ(p.dy, 0);
  EXPECT_EQ(p.dx, 0);
  EXPECT_FALSE(p.flip);
}

TEST(Augment, DrawsTheSameForTheSameKeyAndOthersForOthers) {
  const Augmentation a{.crop_padding = 4, .flip = true};
  int same = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    const auto at = [&](uint32_t epoch) { return draw_placement(a, {.seed = 5, .epoch = epoch, .item = i}); };
    const Placement p = at(1), again = at(1), other = at(2);
    EXPECT_TRUE(p.dy == again.dy && p.dx == again.dx && p.flip == again.flip);
    same += p.dy == other.dy && p.dx == other.dx && p.flip == other.flip;
  }
  EXPECT_LT(same, 10);  // 162 placements: about 1.2 of 200 agree by chance
}

TEST(Augment, FlipsHalfOfTheSamples) {
  int flips = 0;
  for (uint64_t i = 0; i < 4000; ++i) flips += draw_placement({.flip = true}, {.seed = 3, .item = i}).flip;
  EXPECT_NEAR(flips, 2000, 200);  // six deviations
}

TEST(Augment, EqualsPaddingCuttingAndMirroringOneAfterTheOther) {
  const Shape shape{2, 3, 4};
  std::vector<uint8_t> pixels(24);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(10 + i);
  const Normalizer normalizer({{0.5f, 0.1f}, {0.5f, 0.2f}}, 2);
  for (int64_t dy = -4; dy <= 4; ++dy)
    for (int64_t dx = -5; dx <= 5; ++dx)
      for (const bool flip : {false, true}) {
        const std::vector<float> out = written(pixels, shape, {dy, dx, flip}, normalizer);
        for (int64_t c = 0; c < 2; ++c)
          for (int64_t y = 0; y < 3; ++y)
            for (int64_t x = 0; x < 4; ++x) {
              const int64_t row = y + dy, column = (flip ? 3 - x : x) + dx;
              const bool inside = row >= 0 && row < 3 && column >= 0 && column < 4;
              const float v = inside ? static_cast<float>(pixels[static_cast<size_t>((c * 3 + row) * 4 + column)]) : 0;
              const float expected = c == 0 ? (v / 255.0f - 0.5f) / 0.5f : (v / 255.0f - 0.1f) / 0.2f;
              ASSERT_EQ(out[static_cast<size_t>((c * 3 + y) * 4 + x)], expected) << dy << ' ' << dx << ' ' << flip;
            }
      }
}

TEST(Augment, RefusesANormalizationThatCannotDivide) {
  EXPECT_THROW(Normalizer({{0}, {0}}, 1), ArgumentError);
  EXPECT_THROW(Normalizer({{0}, {-1}}, 1), ArgumentError);
  EXPECT_THROW(Normalizer({{NAN}, {1}}, 1), ArgumentError);
  EXPECT_THROW(Normalizer({{0}, {INFINITY}}, 1), ArgumentError);
  EXPECT_THROW(Normalizer({{0}, {1}}, 3), ArgumentError);
}

}  // namespace
}  // namespace pith::data
