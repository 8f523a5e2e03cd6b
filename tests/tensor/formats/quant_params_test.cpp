#include "tensor/formats/quant_params.h"

#include <gtest/gtest.h>

#include <limits>

#include "tensor/error.h"

namespace pith {
namespace {

static_assert(max_depth(8, 8) == 131071);
static_assert(max_depth(4, 8) == 2097151);
static_assert(max_depth(16, 16) == 1);
static_assert(max_depth(1, 1) == 2147483647);

constexpr int64_t kHighest = std::numeric_limits<int32_t>::max();

TEST(QuantParams, MaxDepthIsTheLastThatCannotOverflow) {
  for (const int a : {1, 2, 3, 4, 5, 6, 7, 8, 16})
    for (const int b : {1, 2, 3, 4, 5, 6, 7, 8, 16}) {
      const int64_t product = (int64_t{1} << (a - 1)) * (int64_t{1} << (b - 1));  // both at their lowest
      EXPECT_LE(max_depth(a, b) * product, kHighest) << a << " x " << b;
      EXPECT_GT((max_depth(a, b) + 1) * product, kHighest) << a << " x " << b;
    }
}

TEST(QuantParams, MaxDepthKnowsUnsignedRanges) {
  const QuantParams u8{.bits = 8, .is_signed = false, .scale = {1}, .zero_point = {128}};
  const QuantParams s8{.bits = 8, .is_signed = true, .scale = {1}, .zero_point = {}};
  EXPECT_EQ(max_depth(u8, s8), kHighest / (255 * 128));
  EXPECT_EQ(max_depth(u8, s8), 65793);
  EXPECT_EQ(max_depth(s8, s8), max_depth(8, 8));
}

TEST(QuantParams, RangesFollowBitsAndSign) {
  const auto range = [](int bits, bool is_signed) {
    const QuantParams q{.bits = bits, .is_signed = is_signed, .scale = {1}, .zero_point = {}};
    return std::pair(q.lowest(), q.highest());
  };
  EXPECT_EQ(range(8, true), std::pair(-128, 127));
  EXPECT_EQ(range(8, false), std::pair(0, 255));
  EXPECT_EQ(range(4, true), std::pair(-8, 7));
  EXPECT_EQ(range(16, false), std::pair(0, 65535));
  EXPECT_EQ(range(1, true), std::pair(-1, 1));
  EXPECT_EQ(range(1, false), std::pair(0, 1));
}

TEST(QuantParams, AcceptsOneScaleOneARowAndOneAGroup) {
  for (const size_t scales : {1u, 4u, 8u}) {
    const QuantParams q{.bits = 8, .is_signed = true, .scale = std::vector<float>(scales, 0.5f), .zero_point = {}};
    EXPECT_NO_THROW(check_quant(q, {4, 6})) << scales;
  }
}

TEST(QuantParams, RefusesWhatBreaksTheInvariant) {
  const QuantParams good{.bits = 8, .is_signed = true, .scale = {1}, .zero_point = {}};
  EXPECT_NO_THROW(check_quant(good, {4, 6}));
  const auto refuses = [&](auto change) {
    QuantParams q = good;
    change(q);
    EXPECT_THROW(check_quant(q, {4, 6}), ArgumentError);
  };
  refuses([](QuantParams& q) { q.bits = 0; });
  refuses([](QuantParams& q) { q.bits = 9; });
  refuses([](QuantParams& q) { q.bits = 32; });
  refuses([](QuantParams& q) { q.scale = {}; });
  refuses([](QuantParams& q) { q.scale = {1, 1, 1}; });
  refuses([](QuantParams& q) { q.scale = {0}; });
  refuses([](QuantParams& q) { q.scale = {-1}; });
  refuses([](QuantParams& q) { q.scale = {std::numeric_limits<float>::quiet_NaN()}; });
  refuses([](QuantParams& q) { q.scale = {std::numeric_limits<float>::infinity()}; });
  refuses([](QuantParams& q) { q.zero_point = {128}; });
  refuses([](QuantParams& q) { q.zero_point = {0, 0}; });
}

}  // namespace
}  // namespace pith
