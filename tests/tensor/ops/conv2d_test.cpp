#include "tensor/ops/conv2d.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/conv2d_reference.h"
#include "tensor/random.h"

namespace pith {
namespace {

/// One convolution to try.
struct Case {
  Shape x, w, y;
  Window window;
};

std::string text(const Case& c) {
  const auto pair = [](const std::array<int64_t, 2>& a) { return std::to_string(a[0]) + "," + std::to_string(a[1]); };
  return "x " + pith::text(c.x) + " w " + pith::text(c.w) + " stride " + pair(c.window.stride) + " padding " +
         pair(c.window.padding) + " dilation " + pair(c.window.dilation) + " groups " + std::to_string(c.window.groups);
}

/// A random small convolution that fits; every kind of it within a few dozen draws.
Case random_case(Random& random) {
  for (;;) {
    Case c;
    const auto pick = [&](int64_t low, int64_t high) { return low + random.below(high - low + 1); };
    Window& v = c.window;
    for (size_t a : {0u, 1u}) {
      v.stride[a] = pick(1, 3);
      v.padding[a] = pick(0, 4);
      v.dilation[a] = random.below(3) ? 1 : pick(1, 3);
    }
    if (random.below(2)) v.stride[1] = v.stride[0];
    const int64_t kind = random.below(4);  // 0, 1: dense; 2: groups; 3: depthwise
    v.groups = kind < 2 ? 1 : pick(1, 6);
    const int64_t channels = kind == 3 ? 1 : pick(1, 7), filters = kind == 3 ? pick(1, 2) : pick(1, 11);
    const int64_t n = random.below(3) ? pick(1, 20) : pick(1, 50);
    c.x = {n, channels * v.groups, pick(1, 19), pick(1, 19)};
    c.w = {filters * v.groups, channels, pick(1, 5), pick(1, 5)};
    try {
      c.y = conv2d_shape(c.x, c.w, v);
      return c;
    } catch (const ShapeError&) {
    }
  }
}

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
std::vector<const KernelTable*> tables() {
  std::vector<const KernelTable*> found;
  for (const char* isa : {"scalar", "avx2", "avx512"})
    if (const KernelTable* t = kernels_for(isa)) found.push_back(t);
  return found;
}

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
    for (const KernelTable* t : tables()) {
      const std::string what = text(c) + " on " + t->isa;
      const Tensor fast = ops::conv2d(x_lanes, w, c.window, {}, *t);
      expect_near(fast, y, taps, what);
      expect_clean(fast, what);
      ASSERT_EQ(fast.geometry().halo, c.y[2] * c.y[3] == 1 ? 0 : 1) << what;
      const Tensor fast_dx = ops::conv2d_input_gradient(dy_lanes, w, c.x, c.window, *t);
      expect_near(fast_dx, dx, taps * c.w[0], "dx of " + what);
      expect_clean(fast_dx, what);
      expect_near(ops::conv2d_weight_gradient(x_lanes, dy_lanes, c.w, c.window, *t), dw, pixels, "dw of " + what);
    }
  }
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
