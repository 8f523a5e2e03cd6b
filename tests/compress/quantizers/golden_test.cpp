// The quantizer functions against vectors recorded by running Distiller. Its scale is the reciprocal of ours. Where we
// differ on purpose (compress/quantizers/README.md) the test says so and checks what we do instead.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "compress/quantizers/clipping.h"
#include "compress/quantizers/levels.h"
#include "tensor/error.h"
#include "tensor/formats/range_tracker.h"
#include "tests/support/files.h"

namespace pith::compress {
namespace {

using Json = nlohmann::json;
using Floats = std::vector<float>;

class QuantGolden : public testing::Test {
 protected:
  void SetUp() override {
    const std::string path = test::reference_file("quant_functions_reference.json");
    if (path.empty()) GTEST_SKIP() << "PITH_REFERENCE names no folder with quant_functions_reference.json";
    golden_ = Json::parse(std::ifstream(path));
  }
  Floats floats(const char* key) const { return golden_.at(key).get<Floats>(); }
  static void expect_near(const Floats& found, const Floats& expected, const std::string& what) {
    ASSERT_EQ(found.size(), expected.size()) << what;
    for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 2e-6) << what << " " << i;
  }
  Json golden_;
};

void expect_integers(const LinearScale& s, const Json& range) {
  EXPECT_EQ(s.lowest, range.at(0).get<int>());
  EXPECT_EQ(s.highest, range.at(1).get<int>());
}

TEST_F(QuantGolden, SymmetricScalesAgree) {
  int cases = 0;
  for (const Json& c : golden_.at("symmetric")) {
    const float sat = c.at("sat");
    const LinearScale s = linear_scale({-sat, sat}, c.at("bits"),
                                       c.at("restricted") ? QuantMode::symmetric_restricted : QuantMode::symmetric);
    const double expected = c.at("scale");
    EXPECT_NEAR(1.0 / s.scale, expected, 1e-6 * expected) << c;
    expect_integers(s, c.at("qrange"));
    ++cases;
  }
  EXPECT_EQ(cases, 32);
}

TEST_F(QuantGolden, AsymmetricScalesAndZeroPointsAgree) {
  int cases = 0;
  for (const Json& c : golden_.at("asymmetric")) {
    const bool is_signed = c.at("signed");
    const LinearScale s = linear_scale({c.at("min"), c.at("max")}, c.at("bits"),
                                       is_signed ? QuantMode::asymmetric_signed : QuantMode::asymmetric_unsigned);
    const double expected = c.at("scale");
    EXPECT_NEAR(1.0 / s.scale, expected, 1e-6 * expected) << c;
    EXPECT_EQ(s.zero_point, -c.at("zero_point").get<int>()) << c;  // its zero point is subtracted, ours added
    expect_integers(s, c.at("qrange"));
    ++cases;
  }
  EXPECT_EQ(cases, 24);
}

TEST_F(QuantGolden, VectorsAgree) {
  int ties = 0;
  const std::vector<std::pair<const char*, LinearScale>> cases{
      {"vec_sym8_sat1", linear_scale({-1, 1}, 8, QuantMode::symmetric)},
      {"vec_symrestr4_sat1", linear_scale({-1, 1}, 4, QuantMode::symmetric_restricted)},
      {"vec_asymu8_-0.5_1", linear_scale({-0.5, 1}, 8, QuantMode::asymmetric_unsigned)}};
  for (const auto& [key, s] : cases) {
    const Json& c = golden_.at(key);
    const Floats x = c.at("x"), q = c.at("q"), real = c.at("dq");
    const float theirs = s.zero_point == 85 ? 170.0f : s.highest == 7 ? 7.0f : 127.5f;
    for (size_t i = 0; i < x.size(); ++i) {
      const float product = x[i] * theirs;
      if (std::abs(product - std::trunc(product)) == 0.5f) {  // a tie for them; our scale is no exact reciprocal
        EXPECT_NEAR(quantized(x[i], s), q[i], 1) << key << " " << x[i];
        ++ties;
        continue;
      }
      EXPECT_EQ(quantized(x[i], s), static_cast<int32_t>(q[i])) << key << " " << x[i];
      EXPECT_NEAR(dequantized(quantized(x[i], s), s), real[i], 1e-6) << key << " " << x[i];
    }
  }
  EXPECT_LE(ties, 8);  // of 36
}

TEST_F(QuantGolden, ScaleApproximationsAgree) {
  for (const Json& c : golden_.at("scale_approx")) {
    const ScaleApproximation a = approximate_scale(c.at("scale"), c.at("mult_bits"));
    EXPECT_EQ(a.multiplier, static_cast<int64_t>(c.at("multiplier").get<double>())) << c;
    EXPECT_EQ(a.shift, static_cast<int>(c.at("shift").get<double>())) << c;
    EXPECT_DOUBLE_EQ(a.value(), c.at("approx").get<double>()) << c;
  }
}

/// t[n, c, h, w] = sin(0.71 i) g[n] over (4, 3, 5, 5), the tensor of the clipping cases.
ValueStatistics clip_statistics() {
  Floats t(300);
  const float g[] = {1, 0.5f, 2, 0.25f};
  for (size_t i = 0; i < t.size(); ++i) t[i] = std::sin(0.71f * static_cast<float>(i)) * g[i / 75];
  return statistics_of(t, 4);
}

TEST_F(QuantGolden, ClippedRangesAgree) {
  const ValueStatistics s = clip_statistics();
  const Json& golden = golden_.at("clip");
  const auto expect = [&](const char* key, const RealRange& r) {
    EXPECT_NEAR(r.lowest, golden.at(key).at(0).get<double>(), 2e-4) << key;
    EXPECT_NEAR(r.highest, golden.at(key).at(1).get<double>(), 2e-4) << key;
  };
  expect("min_max", clipped_range(s, {}));
  expect("avg_min_max(dim0)", clipped_range(s, {.mode = ClipMode::average}));
  expect("n_std2_min_max", clipped_range(s, {.mode = ClipMode::deviations, .deviations = 2}));
  expect("aciq_sym_laplace8", clipped_range_symmetric(s, {.mode = ClipMode::laplace, .bits = 8}));
  expect("aciq_sym_gauss4", clipped_range_symmetric(s, {.mode = ClipMode::gauss, .bits = 4}));
  EXPECT_NEAR(clipped_range_symmetric(s, {}).highest, golden.at("max_abs").get<double>(), 1e-5);
  EXPECT_NEAR(clipped_range_symmetric(s, {.mode = ClipMode::average}).highest,
              golden.at("avg_max_abs(dim0)").get<double>(), 1e-5);
}

TEST_F(QuantGolden, AsymmetricAciqAgrees) {
  // Recorded without averaging over images: the lowest value of all stands for the average one.
  ValueStatistics s = clip_statistics();
  s.average_lowest = s.lowest;
  const Json& golden = golden_.at("clip");
  const auto expect = [&](const char* key, const ClipOptions& o) {
    const RealRange r = clipped_range(s, o);
    EXPECT_NEAR(r.lowest, golden.at(key).at(0).get<double>(), 2e-4) << key;
    EXPECT_NEAR(r.highest, golden.at(key).at(1).get<double>(), 2e-4) << key;
  };
  expect("aciq_asym_laplace4", {.mode = ClipMode::laplace, .bits = 4});
  expect("aciq_asym_laplace4_half", {.mode = ClipMode::laplace, .bits = 4, .is_half_range = true});
  expect("aciq_asym_gauss8", {.mode = ClipMode::gauss, .bits = 8});
}

TEST_F(QuantGolden, AciqConstantsAgree) {
  const Json& golden = golden_.at("aciq_alpha");
  for (const auto& [bits, alpha] : golden.at("alpha_laplace").items())
    EXPECT_EQ(aciq_laplace(std::stoi(bits), false), alpha.get<double>());
  for (const auto& [bits, alpha] : golden.at("alpha_laplace_positive").items())
    EXPECT_EQ(aciq_laplace(std::stoi(bits), true), alpha.get<double>());
  for (const auto& [bits, alpha] : golden.at("alpha_gauss").items())
    EXPECT_EQ(aciq_gauss(std::stoi(bits), false), alpha.get<double>());
  for (const auto& [bits, alpha] : golden.at("alpha_gauss_positive").items())
    EXPECT_EQ(aciq_gauss(std::stoi(bits), true), alpha.get<double>());
}

TEST_F(QuantGolden, DoReFaWeightsAndActivationsAgree) {
  const Floats w = floats("dorefa_wrpn_w");
  for (const int bits : {1, 2, 3, 4, 8})
    expect_near(dorefa_weights(w, bits), floats(("dorefa_w" + std::to_string(bits)).c_str()), "dorefa");
  for (const int bits : {2, 4, 8})
    expect_near(dorefa_activations(w, bits), floats(("act_clip1_" + std::to_string(bits)).c_str()), "clip");
}

TEST_F(QuantGolden, PactAgrees) {
  const Json& golden = golden_.at("pact4_alpha0.8");
  const Pact p = pact_levels(floats("dorefa_wrpn_w"), 0.8f, 4);
  expect_near(p.y, golden.at("out").get<Floats>(), "pact");
  EXPECT_EQ(p.x_gradient, golden.at("grad_x").get<Floats>());
  EXPECT_EQ(p.alpha_gradient, golden.at("grad_alpha").get<double>());
}

TEST_F(QuantGolden, TrackedRangesAgree) {
  const Floats x = floats("dorefa_wrpn_w");
  RangeTracker tracker{.decay = 0.9};
  double factor = 1;
  for (const Json& c : golden_.at("qat_ema_decay0.9_asym_u8")) {
    tracker.add(c.at("in_min"), c.at("in_max"));
    EXPECT_NEAR(tracker.lowest(), c.at("tracked_min").get<double>(), 1e-5);
    EXPECT_NEAR(tracker.highest(), c.at("tracked_max").get<double>(), 1e-5);
    const LinearScale s = linear_scale({static_cast<float>(tracker.lowest()), static_cast<float>(tracker.highest())}, 8,
                                       QuantMode::asymmetric_unsigned);
    EXPECT_NEAR(1 / s.scale, c.at("scale").get<double>(), 1e-4);
    EXPECT_EQ(s.zero_point, -c.at("zero_point").get<int>());
    const Floats out = c.at("out");
    const double step = c.at("in_min").get<double>() / -2.0;
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_NEAR(dequantized(quantized(x[i] * static_cast<float>(step), s), s), out[i], 1e-5) << factor << " " << i;
    ++factor;
  }
}

TEST_F(QuantGolden, WrpnDiffersOnPurpose) {
  // Distiller does not clamp after rounding: "2 bits" give five levels up to 4/3. Ours are the paper's 2^(k-1) - 1
  // steps.
  const Floats w = floats("dorefa_wrpn_w"), theirs = floats("wrpn_w2");
  EXPECT_NEAR(theirs.front(), -4 / 3.0, 1e-6);
  EXPECT_EQ(wrpn_weights(w, 2), (Floats{-1, -1, 0, 0, 0, 0, 1, 1}));
  for (const int bits : {3, 4, 8})
    for (const float v : wrpn_weights(w, bits)) EXPECT_LE(std::abs(v), 1.0f);
}

TEST(Quantizers, DoReFaKeepsPrunedZerosWhereAsked) {
  const Floats w{0, 1, 0, -2, 0};
  EXPECT_NE(dorefa_weights(w, 2)[0], 0.0f);  // the paper's grid has no zero
  const Floats kept = dorefa_weights(w, 2, true);
  EXPECT_EQ(kept[0], 0.0f);
  EXPECT_EQ(kept[2], 0.0f);
  EXPECT_EQ(kept[4], 0.0f);
}

TEST(Quantizers, TernaryFollowsItsRule) {
  // mean |w| = 1, threshold 0.7: kept are 2 and -1.5, scale 1.75.
  EXPECT_EQ(ternary_weights({2, 0.5f, -1.5f, 0}), (Floats{1.75f, 0, -1.75f, 0}));
}

TEST(Clipping, SquaredErrorAndDivergenceCutAnOutlier) {
  Floats x(10000, 0.0f);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 100) / 100;
  x[77] = 50;
  const ValueStatistics s = statistics_of(x, 1);
  EXPECT_LT(clipped_range(s, {.mode = ClipMode::mse, .bits = 4}).highest, 25.0f);
  EXPECT_LT(clipped_range(s, {.mode = ClipMode::kl, .bits = 4}).highest, 10.0f);
  EXPECT_LT(clipped_range(s, {.mode = ClipMode::percentile, .percentile = 0.999}).highest, 1.1f);
  EXPECT_EQ(clipped_range(s, {}).highest, 50.0f);
}

/// Behind a ReLU most elements are 0, which every grid holds exactly: they must not draw the range to themselves.
TEST(Clipping, DivergenceIsNotDrawnToTheZerosOfARelu) {
  Floats x;
  for (int i = 0; i < 4000; ++i) x.push_back(std::max(0.0f, static_cast<float>(i % 200 - 100) / 100));  // up to 0.99
  for (const int bits : {3, 4, 8}) {
    const float highest = clipped_range(statistics_of(x, 1), {.mode = ClipMode::kl, .bits = bits}).highest;
    EXPECT_GT(highest, 0.7f) << bits;
    EXPECT_LE(highest, 0.99f) << bits;
  }
}

TEST(Clipping, RefusesWhatItCannotDo) {
  EXPECT_THROW(clip_mode("minmax"), ArgumentError);
  EXPECT_THROW(aciq_gauss(9, false), ArgumentError);
  EXPECT_THROW(clipped_range({}, {.mode = ClipMode::kl}), ArgumentError);
  EXPECT_THROW(statistics_of({1, NAN}, 1), NumericError);
}

}  // namespace
}  // namespace pith::compress
