// Ranges to scales, and the rounding rule at its edges: every expected number was worked out by hand from ONNX's
// QuantizeLinear, saturate(round half to even(x / scale) + zero point).
#include "tensor/formats/quant_range.h"

#include <gtest/gtest.h>

#include <array>
#include <cfloat>
#include <limits>
#include <vector>

#include "tensor/error.h"

namespace pith {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kDenormal = 1e-45f;

constexpr LinearScale kS8{0.5f, 0, -128, 127}, kU8{0.5f, 10, 0, 255}, kOne{1, 0, -128, 127}, kU4{0.25f, 7, 0, 15},
    kS4{2, 0, -7, 7}, kBinary{3, 0, -1, 1}, kTernary{1, 0, -1, 1}, kS16{0.125f, 0, -32768, 32767},
    kTiny{FLT_MIN, 0, -128, 127}, kHigh{1, 255, 0, 255};

struct Edge {
  float x;
  LinearScale s;
  int32_t q;
};

TEST(QuantRange, RoundsHalfToEvenAndSaturatesAtEveryEdge) {
  const std::vector<Edge> edges{// Zero is exact, whatever its sign and the zero point.
                                {0.0f, kS8, 0},
                                {-0.0f, kS8, 0},
                                {0.0f, kU8, 10},
                                {-0.0f, kU8, 10},
                                {0.0f, kU4, 7},
                                {0.0f, kHigh, 255},
                                {0.0f, kBinary, 0},
                                {0.0f, kTiny, 0},
                                // Ties go to even, before the zero point is added.
                                {0.25f, kS8, 0},
                                {0.75f, kS8, 2},
                                {1.25f, kS8, 2},
                                {1.75f, kS8, 4},
                                {-0.25f, kS8, 0},
                                {-0.75f, kS8, -2},
                                {-1.25f, kS8, -2},
                                {-1.75f, kS8, -4},
                                {0.5f, kOne, 0},
                                {1.5f, kOne, 2},
                                {2.5f, kOne, 2},
                                {3.5f, kOne, 4},
                                {-0.5f, kOne, 0},
                                {-1.5f, kOne, -2},
                                {-2.5f, kOne, -2},
                                {-3.5f, kOne, -4},
                                {0.25f, kU8, 10},
                                {0.75f, kU8, 12},
                                {1.25f, kU8, 12},
                                {0.125f, kU4, 7},
                                {0.375f, kU4, 9},
                                {0.625f, kU4, 9},
                                {-0.125f, kU4, 7},
                                {-0.375f, kU4, 5},
                                // The next float on either side of a tie.
                                {0.49999997f, kOne, 0},
                                {0.50000006f, kOne, 1},
                                {1.4999999f, kOne, 1},
                                {1.5000001f, kOne, 2},
                                {-0.50000006f, kOne, -1},
                                {-1.4999999f, kOne, -1},
                                // Both ends, a tie just inside of them, and far outside.
                                {63.5f, kS8, 127},
                                {63.75f, kS8, 127},
                                {64.0f, kS8, 127},
                                {-64.0f, kS8, -128},
                                {-64.25f, kS8, -128},
                                {-64.5f, kS8, -128},
                                {122.5f, kU8, 255},
                                {123.0f, kU8, 255},
                                {-5.0f, kU8, 0},
                                {-5.25f, kU8, 0},
                                {-6.0f, kU8, 0},
                                {2.0f, kU4, 15},
                                {2.25f, kU4, 15},
                                {-1.75f, kU4, 0},
                                {-2.0f, kU4, 0},
                                {14.0f, kS4, 7},
                                {15.0f, kS4, 7},
                                {-15.0f, kS4, -7},
                                {-100.0f, kS4, -7},
                                {4095.875f, kS16, 32767},
                                {4096.0f, kS16, 32767},
                                {-4096.0f, kS16, -32768},
                                {-4096.25f, kS16, -32768},
                                {1.5f, kBinary, 0},
                                {1.6f, kBinary, 1},
                                {-9.0f, kBinary, -1},
                                {0.5f, kTernary, 0},
                                {0.6f, kTernary, 1},
                                {1.0f, kHigh, 255},
                                {-255.0f, kHigh, 0},
                                {-256.0f, kHigh, 0},
                                // Numbers that are none, endless, or hardly there.
                                {kInf, kS8, 127},
                                {-kInf, kS8, -128},
                                {kInf, kU8, 255},
                                {-kInf, kU8, 0},
                                {kInf, kS4, 7},
                                {-kInf, kS16, -32768},
                                {kNaN, kS8, 127},
                                {kNaN, kU8, 255},
                                {kNaN, kS4, 7},
                                {FLT_MAX, kS8, 127},
                                {-FLT_MAX, kS8, -128},
                                {FLT_MAX, kTiny, 127},
                                {-FLT_MAX, kTiny, -128},
                                {kDenormal, kS8, 0},
                                {-kDenormal, kU8, 10},
                                {FLT_MIN, kS8, 0},
                                {FLT_MIN, kTiny, 1},
                                {-FLT_MIN, kTiny, -1},
                                {FLT_MIN / 2, kTiny, 0},
                                {kDenormal, kTiny, 0}};
  ASSERT_GE(edges.size(), 60u);
  for (size_t i = 0; i < edges.size(); ++i)
    EXPECT_EQ(quantized(edges[i].x, edges[i].s), edges[i].q) << "edge " << i << ", x " << edges[i].x;
}

TEST(QuantRange, MakesTheScalesOfItsFourModes) {
  const RealRange r{-1, 3};
  const LinearScale s = linear_scale(r, 8, QuantMode::symmetric);
  EXPECT_FLOAT_EQ(s.scale, 3 / 127.5f);
  EXPECT_EQ(s.lowest, -128);
  const LinearScale t = linear_scale(r, 4, QuantMode::symmetric_restricted);
  EXPECT_FLOAT_EQ(t.scale, 3 / 7.0f);
  EXPECT_EQ(t.lowest, -7);
  EXPECT_EQ(t.highest, 7);
  const LinearScale u = linear_scale(r, 2, QuantMode::asymmetric_unsigned);
  EXPECT_FLOAT_EQ(u.scale, 4 / 3.0f);
  EXPECT_EQ(u.zero_point, 1);  // 0.75
  EXPECT_EQ(u.highest, 3);
  const LinearScale v = linear_scale(r, 2, QuantMode::asymmetric_signed);
  EXPECT_EQ(v.zero_point, -1);
  EXPECT_EQ(v.lowest, -2);
  EXPECT_EQ(v.highest, 1);
}

TEST(QuantRange, WidensARangeToHoldZero) {
  EXPECT_EQ(linear_scale({2, 6}, 8, QuantMode::asymmetric_unsigned).zero_point, 0);
  EXPECT_FLOAT_EQ(linear_scale({2, 6}, 8, QuantMode::asymmetric_unsigned).scale, 6 / 255.0f);
  EXPECT_EQ(linear_scale({-6, -2}, 8, QuantMode::asymmetric_unsigned).zero_point, 255);
}

TEST(QuantRange, GivesZerosTheScaleOneAndTinyRangesANormalOne) {
  for (const QuantMode mode : {QuantMode::symmetric, QuantMode::symmetric_restricted, QuantMode::asymmetric_unsigned,
                               QuantMode::asymmetric_signed}) {
    EXPECT_EQ(linear_scale({0, 0}, 8, mode).scale, 1.0f);
    EXPECT_EQ(linear_scale({0, kDenormal}, 8, mode).scale, FLT_MIN);
    EXPECT_LE(linear_scale({-FLT_MAX, FLT_MAX}, 2, mode).scale, FLT_MAX);
  }
}

TEST(QuantRange, KeepsEveryBitWidthConsistentWithItsParameters) {
  for (const int bits : {1, 2, 3, 4, 5, 6, 7, 8, 16})
    for (const QuantMode mode : {QuantMode::symmetric, QuantMode::asymmetric_unsigned, QuantMode::asymmetric_signed}) {
      if (bits == 1 && mode == QuantMode::asymmetric_signed) {
        EXPECT_THROW(linear_scale({-1, 3}, bits, mode), ArgumentError);
        continue;
      }
      const std::vector<RealRange> ranges{{-1, 3}, {0, 1}, {-2, 0}};
      const QuantParams q = quant_params(ranges, bits, mode);
      EXPECT_NO_THROW(check_quant(q, Shape{3, 4})) << bits;
      EXPECT_EQ(q.bits, bits);
      const LinearScale s = linear_scale(ranges[0], bits, mode);
      EXPECT_EQ(q.lowest(), s.lowest);
      EXPECT_EQ(q.highest(), s.highest);
      EXPECT_EQ(dequantized(quantized(0, s), s), 0.0f);
    }
}

TEST(QuantRange, RefusesWhatIsNoRange) {
  EXPECT_THROW(linear_scale({0, kInf}, 8, QuantMode::symmetric), NumericError);
  EXPECT_THROW(linear_scale({kNaN, 1}, 8, QuantMode::symmetric), NumericError);
  EXPECT_THROW(linear_scale({1, 0}, 8, QuantMode::symmetric), ArgumentError);
  for (const int bits : {0, 9, 15, 17}) EXPECT_THROW(linear_scale({0, 1}, bits, QuantMode::symmetric), ArgumentError);
}

}  // namespace
}  // namespace pith
