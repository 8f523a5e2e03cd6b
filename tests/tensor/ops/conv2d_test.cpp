#include "tensor/ops/conv2d.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/conv2d_reference.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/support/conv_case.h"
#include "tests/support/oracle.h"
#include "tests/support/tables.h"

namespace pith {
namespace {

namespace oracle = test::oracle;

using test::Case;
using test::random_case;

Tensor normal(const Shape& shape, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 11, .item = item});
  return t;
}

using Twin = void(const double*, const double*, double*, const Shape&, const Shape&, const Shape&, const Window&);

/// What the slow twin makes of a and b, in double.
std::vector<double> twin(Twin* run, const Tensor& a, const Tensor& b, const Shape& out, const Case& c) {
  const std::vector<double> av = a.to_vector<double>(), bv = b.to_vector<double>();
  std::vector<double> r(static_cast<size_t>(out.numel()));
  run(av.data(), bv.data(), r.data(), c.x, c.w, c.y, c.window);
  return r;
}

/// Sums of `depth` products of normal numbers: the rounding of float grows with the depth at most.
void expect_near(const Tensor& fast, const std::vector<double>& slow, int64_t depth, const std::string& what) {
  const std::vector<double> f = fast.to_vector<double>();
  ASSERT_EQ(f.size(), slow.size()) << what;
  const double tolerance = 1e-6 * (4 + static_cast<double>(depth));
  for (size_t i = 0; i < f.size(); ++i) ASSERT_NEAR(f[i], slow[i], tolerance) << what << " at " << i;
}

/// The promises of tensor/lanes.h: no number in the border, none in the lanes of absent images.
void expect_clean(const Tensor& t, const std::string& what) {
  if (!t.is_lanes()) return;
  double inside = 0, all = 0;
  for (double v : t.to_vector<double>()) inside += std::abs(v);
  for (size_t i = 0; i < t.bytes() / 4; ++i) all += std::abs(static_cast<double>(t.data<float>()[i]));
  ASSERT_NEAR(inside, all, 1e-9 * all) << what;
}

/// The tables that this CPU can run.
TEST(Conv2d, AgreesWithItsSlowTwinOnRandomShapesOnEveryIsa) {
  Random random({.seed = 1});
  for (uint64_t i = 0; i < 240; ++i) {
    const Case c = random_case(random);
    const Tensor x = normal(c.x, 4 * i), w = normal(c.w, 4 * i + 1), dy = normal(c.y, 4 * i + 2);
    const Tensor x_lanes = to_lanes(x, random.below(3)), dy_lanes = to_lanes(dy, random.below(3));
    const std::vector<double> y = twin(ops::reference::conv2d<double>, x, w, c.y, c);
    const std::vector<double> dx = twin(ops::reference::conv2d_input_gradient<double>, dy, w, c.x, c);
    const std::vector<double> dw = twin(ops::reference::conv2d_weight_gradient<double>, x, dy, c.w, c);
    const int64_t taps = c.w[1] * c.w[2] * c.w[3], pixels = c.y[0] * c.y[2] * c.y[3];
    for (const KernelTable* t : test::tables()) {
      const std::string what = text(c) + " on " + t->isa;
      const Tensor fast = ops::conv2d(x_lanes, w, c.window, {}, *t);
      expect_near(fast, y, taps, what);
      expect_clean(fast, what);
      ASSERT_EQ(fast.geometry().halo, c.y[2] * c.y[3] == 1 ? 0 : 1) << what;
      expect_near(ops::conv2d(x, w, c.window, {}, *t), y, taps, "plain " + what);
      const Tensor fast_dx = ops::conv2d_input_gradient(dy_lanes, w, c.x, c.window, *t);
      expect_near(fast_dx, dx, taps * c.w[0], "dx of " + what);
      expect_clean(fast_dx, what);
      expect_near(ops::conv2d_weight_gradient(x_lanes, dy_lanes, c.w, c.window, *t), dw, pixels, "dw of " + what);
    }
  }
}

TEST(Conv2d, SlowTwinsAgreeWithEigenOnRandomShapes) {
  Random random({.seed = 2});
  for (uint64_t i = 0; i < 60; ++i) {
    const Case c = random_case(random);
    const Tensor x = normal(c.x, 3 * i), w = normal(c.w, 3 * i + 1), dy = normal(c.y, 3 * i + 2);
    const auto xv = x.to_vector<double>(), wv = w.to_vector<double>(), dv = dy.to_vector<double>();
    const Tensor x64 = x.to(DType::f64), w64 = w.to(DType::f64), dy64 = dy.to(DType::f64);
    expect_near(ops::conv2d(x64, w64, c.window), oracle::conv2d(xv, c.x, wv, c.w, c.window), 0, text(c));
    expect_near(ops::conv2d_input_gradient(dy64, w64, c.x, c.window),
                oracle::conv2d_input_gradient(dv, wv, c.w, c.x, c.window), 0, "dx of " + text(c));
    expect_near(ops::conv2d_weight_gradient(x64, dy64, c.w, c.window),
                oracle::conv2d_weight_gradient(xv, c.x, dv, c.w, c.window), 0, "dw of " + text(c));
  }
}

TEST(Conv2d, AppliesScaleBiasResidualAndReluInEveryOrder) {
  Random random({.seed = 3});
  for (uint64_t i = 0; i < 40; ++i) {
    const Case c = random_case(random);
    const Tensor x = normal(c.x, 8 * i), w = normal(c.w, 8 * i + 1), residual = normal(c.y, 8 * i + 2);
    const Tensor scale = normal({c.y[1]}, 8 * i + 3), bias = normal({c.y[1]}, 8 * i + 4);
    const ops::ConvEpilogue epilogue{i % 2 ? bias : Tensor(), i % 3 ? scale : Tensor(), i % 4 ? residual : Tensor(),
                                     i % 5 > 1};
    std::vector<double> want = twin(ops::reference::conv2d<double>, x, w, c.y, c);
    const size_t pixels = static_cast<size_t>(c.y[2] * c.y[3]), k = static_cast<size_t>(c.y[1]);
    for (size_t j = 0; j < want.size(); ++j) {
      if (i % 3) want[j] *= scale.data<float>()[j / pixels % k];
      if (i % 2) want[j] += bias.data<float>()[j / pixels % k];
      if (i % 4) want[j] += residual.data<float>()[j];
      if (i % 5 > 1) want[j] = std::max(want[j], 0.0);
    }
    const int64_t taps = 4 * c.w[1] * c.w[2] * c.w[3];  // a scale of up to 4
    for (const KernelTable* t : test::tables()) {
      const Tensor lanes = ops::conv2d(to_lanes(x, 1), w, c.window, epilogue, *t);
      expect_near(lanes, want, taps, "lanes " + text(c) + " on " + t->isa);
      expect_clean(lanes, text(c));
      expect_near(ops::conv2d(x, w, c.window, epilogue, *t), want, taps, "plain " + text(c) + " on " + t->isa);
    }
    const auto f64 = [](const Tensor& v) { return v.defined() ? v.to(DType::f64) : v; };
    expect_near(ops::conv2d(f64(x), f64(w), c.window,
                            {f64(epilogue.bias), f64(epilogue.scale), f64(epilogue.residual), epilogue.relu}),
                want, 0, "f64 " + text(c));
  }
}

TEST(Conv2d, GivesTheSameBitsForAnyNumberOfThreads) {
  const int before = threads();
  for (const Case& c : {Case{{40, 8, 20, 20}, {24, 8, 3, 3}, {40, 24, 20, 20}, {.padding = {1, 1}}},
                        Case{{33, 96, 9, 9}, {192, 96, 3, 3}, {33, 192, 5, 5}, {.stride = {2, 2}, .padding = {1, 1}}},
                        Case{{17, 12, 9, 9}, {24, 1, 3, 3}, {17, 24, 7, 7}, {.groups = 12}}}) {
    const Tensor x = normal(c.x, 1), w = normal(c.w, 2), dy = normal(c.y, 3);
    const auto all = [&] {
      const Tensor lanes = to_lanes(x, 1), gradient = to_lanes(dy, 1);
      return std::vector{ops::conv2d(lanes, w, c.window).to_vector<float>(),
                         ops::conv2d(x, w, c.window).to_vector<float>(),
                         ops::conv2d_input_gradient(gradient, w, c.x, c.window).to_vector<float>(),
                         ops::conv2d_weight_gradient(lanes, gradient, c.w, c.window).to_vector<float>(),
                         ops::channel_sum(gradient).to_vector<float>()};
    };
    set_threads(1);
    const auto one = all();
    for (int count : {2, 3, 8}) {
      set_threads(count);
      EXPECT_EQ(all(), one) << text(c) << " on " << count << " threads";
    }
  }
  set_threads(before);
}

TEST(Conv2d, ChannelSumAddsEverythingButChannelsInBothOrders) {
  const Tensor dy = normal({19, 3, 4, 5}, 1);
  std::vector<double> want(3);
  const std::vector<double> v = dy.to_vector<double>();
  for (size_t i = 0; i < v.size(); ++i) want[i / 20 % 3] += v[i];
  expect_near(ops::channel_sum(dy), want, 380, "plain");
  expect_near(ops::channel_sum(to_lanes(dy, 1)), want, 380, "lanes");
  expect_near(ops::channel_sum(dy.to(DType::f64)), want, 0, "f64");
}

TEST(Conv2d, LetsNanThroughItsReluInEveryOrder) {
  Tensor x = Tensor::zeros({2, 1, 3, 3});
  x.fill(std::nan(""));
  const Tensor w = Tensor::full({1, 1, 1, 1}, 1);
  for (const Tensor& order : {x, to_lanes(x, 1), x.to(DType::f64)})
    for (double v : ops::conv2d(order, w.to(order.dtype()), {}, {.relu = true}).to_vector<double>())
      EXPECT_TRUE(std::isnan(v));
}

TEST(Conv2d, TakesAnEmptyBatch) {
  const Tensor w = normal({4, 3, 3, 3}, 1), x = Tensor::empty({0, 3, 8, 8});
  EXPECT_EQ(ops::conv2d(x, w, {}).shape(), (Shape{0, 4, 6, 6}));
  EXPECT_EQ(ops::conv2d(to_lanes(x, 1), w, {}).shape(), (Shape{0, 4, 6, 6}));
  const Tensor dw =
      ops::conv2d_weight_gradient(to_lanes(x, 1), to_lanes(Tensor::empty({0, 4, 6, 6}), 1), w.shape(), {});
  EXPECT_EQ(dw.to_vector<float>(), std::vector<float>(108, 0.0f));
}

TEST(Conv2d, RefusesWhatDoesNotFitAndSaysBothFacts) {
  const Tensor x = normal({2, 3, 5, 5}, 1), w = normal({4, 3, 3, 3}, 2);
  const auto refuses = [](const auto& call, const std::string& part) {
    try {
      static_cast<void>(call());
      ADD_FAILURE() << "threw nothing; wanted " << part;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  };
  refuses([&] { return ops::conv2d(x, normal({4, 2, 3, 3}, 3), {}); }, "wants 2 input channels");
  refuses([&] { return ops::conv2d(x, normal({4, 3, 7, 3}, 3), {}); }, "does not fit an input of 5");
  refuses([&] { return ops::conv2d(x, w.to(DType::f64), {}); }, "wants f32 or f64 for both");
  refuses([&] { return ops::conv2d(x, w, {}, {.bias = Tensor::zeros({3})}); }, "bias f32 [3]");
  refuses([&] { return ops::conv2d(x, w, {}, {.residual = x}); }, "residual f32 [2, 3, 5, 5]");
  refuses([&] { return ops::conv2d_input_gradient(x, w, x.shape(), {}); }, "gradient f32 [2, 3, 5, 5]");
}

TEST(Conv2d, AddsUpAHandComputedWindow) {
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 3, 3});
  const Tensor w = Tensor::from(std::vector<float>{1, 2, 3, 4}, {1, 1, 2, 2});
  // 1 1 + 2 2 + 3 4 + 4 5 = 37, and so on; with padding the corner is 4 1 = 4
  EXPECT_EQ(ops::conv2d(x, w, {}).to_vector<float>(), (std::vector<float>{37, 47, 67, 77}));
  const std::vector<float> padded = ops::conv2d(x, w, {.padding = {1, 1}}).to_vector<float>();
  EXPECT_EQ(padded[0], 4);
  EXPECT_EQ(padded[15], 9);
}

}  // namespace
}  // namespace pith
