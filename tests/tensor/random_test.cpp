#include "tensor/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "tensor/error.h"
#include "tensor/parallel.h"

namespace pith {
namespace {

using Words = std::array<uint32_t, 4>;

/// Philox4x32-10 from the paper (Salmon et al. 2011, section 3.3): the slow twin.
Words philox(Words c, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * c[0], b = uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(b),
         static_cast<uint32_t>(a >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(a)};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

TEST(Philox, TwinGivesTheKnownAnswersOfRandom123) {
  EXPECT_EQ(philox({0, 0, 0, 0}, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0xffffffff, 0xffffffff),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, GivesTheKnownAnswerForCounterAndKeyZero) {
  Random r({.seed = 0x9E3779B9, .purpose = Purpose::init});  // the purpose's own constant cancels it
  for (uint32_t expected : {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}) EXPECT_EQ(r.bits(), expected);
}

TEST(Random, IsPhiloxOfItsKeyAtEveryPosition) {
  for (uint64_t seed : {uint64_t{1}, uint64_t{0x123456789abcdef0}})
    for (Purpose purpose : {Purpose::init, Purpose::shuffle, Purpose::test})
      for (uint64_t item : {uint64_t{0}, uint64_t{7} << 33}) {
        const uint32_t mixed = (static_cast<uint32_t>(purpose) + 1) * 0x9E3779B9u;
        Random r({seed, purpose, 5, item});
        for (uint32_t block = 0; block < 10; ++block) {
          const Words w = philox({static_cast<uint32_t>(item), static_cast<uint32_t>(item >> 32), block, 5},
                                 static_cast<uint32_t>(seed) ^ mixed, static_cast<uint32_t>(seed >> 32));
          for (uint32_t word : w) ASSERT_EQ(r.bits(), word);
        }
      }
}

TEST(Random, DiffersInEveryPartOfItsKey) {
  const RandomKey base{1, Purpose::init, 2, 3};
  std::vector<uint32_t> first;
  for (const RandomKey& k :
       {base, RandomKey{2, Purpose::init, 2, 3}, RandomKey{1, Purpose::mask, 2, 3}, RandomKey{1, Purpose::init, 3, 3},
        RandomKey{1, Purpose::init, 2, 4}, RandomKey{1 + (uint64_t{1} << 32), Purpose::init, 2, 3}})
    first.push_back(Random(k).bits());
  std::sort(first.begin(), first.end());
  EXPECT_EQ(std::unique(first.begin(), first.end()), first.end());
}

struct Moments {
  double mean = 0, variance = 0, skew = 0, kurtosis = 0;
};
Moments moments(const std::vector<double>& v) {
  Moments m;
  const double n = static_cast<double>(v.size());
  for (double x : v) m.mean += x / n;
  for (double x : v) m.variance += (x - m.mean) * (x - m.mean) / n;
  for (double x : v) m.skew += std::pow((x - m.mean) / std::sqrt(m.variance), 3) / n;
  for (double x : v) m.kurtosis += std::pow((x - m.mean) / std::sqrt(m.variance), 4) / n;
  return m;
}

constexpr int64_t kCount = 200000;  // standard errors below: 1 / sqrt(kCount) = 0.0022; the bounds are five of them

TEST(Uniform, HasTheMomentsOfItsDistribution) {
  Tensor t = Tensor::empty({kCount}, DType::f64);
  fill_uniform(t, -1, 3, {.seed = 1});
  const std::vector<double> v = t.to_vector<double>();
  const Moments m = moments(v);
  EXPECT_NEAR(m.mean, 1, 5 * std::sqrt(16.0 / 12 / kCount));
  EXPECT_NEAR(m.variance, 16.0 / 12, 0.015);
  EXPECT_NEAR(m.skew, 0, 0.02);
  EXPECT_NEAR(m.kurtosis, 1.8, 0.02);
  EXPECT_GE(*std::min_element(v.begin(), v.end()), -1);
  EXPECT_LT(*std::max_element(v.begin(), v.end()), 3);
}

TEST(Uniform, FillsTenBinsEvenly) {  // chi-square with 9 degrees of freedom: 40 has probability 1e-5
  Random r({.seed = 3});
  std::array<int, 10> bins{};
  for (int64_t i = 0; i < kCount; ++i) ++bins[static_cast<size_t>(r.uniform() * 10)];
  double chi = 0;
  for (int b : bins) chi += (b - kCount / 10.0) * (b - kCount / 10.0) / (kCount / 10.0);
  EXPECT_LT(chi, 40);
}

TEST(Normal, HasTheMomentsOfItsDistribution) {
  Tensor t = Tensor::empty({kCount});
  fill_normal(t, 2, 3, {.seed = 1});
  const Moments m = moments(t.to_vector<double>());
  EXPECT_NEAR(m.mean, 2, 5 * 3 / std::sqrt(kCount));
  EXPECT_NEAR(m.variance, 9, 0.15);
  EXPECT_NEAR(m.skew, 0, 5 * std::sqrt(6.0 / kCount));
  EXPECT_NEAR(m.kurtosis, 3, 5 * std::sqrt(24.0 / kCount));
}

TEST(Normal, HasTheMomentsWhenReadOneByOne) {
  Random r({.seed = 8});
  std::vector<double> v(kCount);
  for (double& x : v) x = r.normal();
  const Moments m = moments(v);
  EXPECT_NEAR(m.mean, 0, 5 / std::sqrt(kCount));
  EXPECT_NEAR(m.variance, 1, 5 * std::sqrt(2.0 / kCount));
  for (double x : v) ASSERT_TRUE(std::isfinite(x));
}

TEST(Fill, GivesTheSameNumbersAtAnyThreadCount) {
  const int before = threads();
  std::vector<std::vector<float>> runs;
  for (int n : {1, 2, 3, 8}) {
    set_threads(n);
    Tensor t = Tensor::empty({100003});
    fill_normal(t, 0, 1, {.seed = 4});
    runs.push_back(t.to_vector<float>());
  }
  set_threads(before);
  for (const auto& run : runs) EXPECT_EQ(run, runs[0]);
}

TEST(Fill, RefusesViewsAndIntegers) {
  Tensor view = Tensor::zeros({3, 2}).transpose(0, 1), integers = Tensor::zeros({3}, DType::s32);
  EXPECT_THROW(fill_normal(view, 0, 1, {}), TypeError);
  EXPECT_THROW(fill_uniform(integers, 0, 1, {}), TypeError);
}

TEST(Below, HasNoBias) {  // chi-square with n - 1 degrees of freedom, five standard deviations above its mean
  for (int64_t n : {2, 3, 7, 100}) {
    Random r({.seed = static_cast<uint64_t>(n)});
    std::vector<double> bins(static_cast<size_t>(n));
    for (int64_t i = 0; i < kCount; ++i) ++bins[static_cast<size_t>(r.below(n))];
    const double expected = static_cast<double>(kCount) / static_cast<double>(n);
    double chi = 0;
    for (double b : bins) chi += (b - expected) * (b - expected) / expected;
    EXPECT_LT(chi, static_cast<double>(n - 1) + 5 * std::sqrt(2.0 * static_cast<double>(n)) + 10) << n;
  }
}

TEST(Below, StaysEvenInARangeThatTheRemainderWouldTilt) {  // 3/4 of 2^63: a bare remainder favours the lower third
  constexpr int64_t kRange = (int64_t{1} << 62) + (int64_t{1} << 61);
  Random r({.seed = 6});
  int low = 0;
  for (int i = 0; i < 30000; ++i) {
    const int64_t v = r.below(kRange);
    ASSERT_GE(v, 0);
    ASSERT_LT(v, kRange);
    low += v < kRange / 3;
  }
  EXPECT_NEAR(low, 10000, 5 * std::sqrt(30000 * 2.0 / 9));
}

TEST(Below, TakesOneAndRefusesLess) {
  Random r({.seed = 1});
  EXPECT_EQ(r.below(1), 0);
  EXPECT_THROW(r.below(0), ArgumentError);
  EXPECT_THROW(r.below(-3), ArgumentError);
}

TEST(Permutation, HoldsEveryNumberOnceAndDependsOnItsKey) {
  for (int64_t n : {0, 1, 2, 1000}) {
    std::vector<int64_t> p = permutation(n, {.seed = 1}), all(static_cast<size_t>(n));
    std::iota(all.begin(), all.end(), 0);
    EXPECT_TRUE(std::is_permutation(p.begin(), p.end(), all.begin(), all.end()));
  }
  EXPECT_EQ(permutation(50, {.seed = 1}), permutation(50, {.seed = 1}));
  EXPECT_NE(permutation(50, {.seed = 1}), permutation(50, {.seed = 2}));
  EXPECT_THROW(permutation(-1, {}), ArgumentError);
}

TEST(Permutation, GivesEachOfTheSixOrdersOfThreeEquallyOften) {
  std::array<int, 27> seen{};
  for (uint64_t i = 0; i < 30000; ++i) {
    const std::vector<int64_t> p = permutation(3, {.seed = 5, .item = i});
    ++seen[static_cast<size_t>(p[0] * 9 + p[1] * 3 + p[2])];
  }
  int orders = 0;
  for (int times : seen) {
    if (times == 0) continue;
    ++orders;
    EXPECT_NEAR(times, 5000, 5 * std::sqrt(30000 * 5.0 / 36));
  }
  EXPECT_EQ(orders, 6);
}

}  // namespace
}  // namespace pith
