#include "tensor/formats/masked_conv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tensor/error.h"
#include "tensor/ops/conv2d_reference.h"
#include "tensor/parallel.h"
#include "tests/support/conv_case.h"
#include "tests/support/tables.h"

namespace pith {
namespace {

using test::Case;

Tensor normal(const Shape& shape, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 61, .item = item});
  return t;
}

/// Keeps about this share of the weights; 0 and 1 keep none and all.
Mask random_mask(const Shape& shape, double density, Random& random) {
  std::vector<uint8_t> keep(static_cast<size_t>(shape.numel()));
  for (uint8_t& k : keep) k = random.uniform(0, 1) < density;
  return Mask::from(Tensor::from(keep, shape));
}

using Twin = void(const double*, const double*, double*, const Shape&, const Shape&, const Shape&, const Window&);

/// What the dense slow twin makes of a and b, in double.
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

/// Nothing but zero in border and dead lanes.
void expect_clean(const Tensor& t, const std::string& what) {
  double inside = 0, all = 0;
  for (double v : t.to_vector<double>()) inside += std::abs(v);
  for (size_t i = 0; i < t.bytes() / 4; ++i) all += std::abs(static_cast<double>(t.data<float>()[i]));
  ASSERT_NEAR(inside, all, 1e-9 * all) << what;
}

constexpr double kDensities[] = {0, 0.05, 0.1, 0.3, 0.7, 1};

TEST(MaskedConv, AgreesWithTheDenseSlowTwinOnRandomShapesOnEveryIsa) {
  const int before = threads();
  set_threads(1);  // where both gradients share their passes whatever the batch
  Random random({.seed = 62});
  for (uint64_t i = 0; i < 180; ++i) {
    const Case c = test::random_case(random);
    const Mask mask = random_mask(c.w, kDensities[i % 6], random);
    const Tensor x = normal(c.x, 4 * i), dy = normal(c.y, 4 * i + 2);
    Tensor w = normal(c.w, 4 * i + 1), zeroed = w.clone();
    zero_pruned(mask, zeroed);  // w itself keeps its pruned values: nobody may read them
    const Tensor x_lanes = to_lanes(x, random.below(3)), dy_lanes = to_lanes(dy, random.below(3));
    const std::vector<double> y = twin(ops::reference::conv2d<double>, x, zeroed, c.y, c);
    const std::vector<double> dx = twin(ops::reference::conv2d_input_gradient<double>, dy, zeroed, c.x, c);
    std::vector<double> dw = twin(ops::reference::conv2d_weight_gradient<double>, x, dy, c.w, c);
    for (int64_t p = 0; p < mask.numel(); ++p)
      if (!mask.keeps(p)) dw[static_cast<size_t>(p)] = 0;
    const int64_t taps = c.w[1] * c.w[2] * c.w[3], pixels = c.y[0] * c.y[2] * c.y[3];
    for (const KernelTable* t : test::tables()) {
      const std::string what = text(c) + " density " + std::to_string(mask.density()) + " on " + t->isa;
      const Tensor fast = masked_conv2d(mask, w, x_lanes, c.window, {}, *t);
      expect_near(fast, y, taps, what);
      expect_clean(fast, what);
      const Tensor fast_dx = masked_conv2d_input_gradient(mask, w, dy_lanes, c.x, c.window, *t);
      expect_near(fast_dx, dx, taps * c.w[0], "dx of " + what);
      expect_clean(fast_dx, what);
      const Tensor fast_dw = masked_conv2d_weight_gradient(mask, x_lanes, dy_lanes, c.window, *t);
      expect_near(fast_dw, dw, pixels, "dw of " + what);
      ASSERT_TRUE(is_zero_where_pruned(mask, fast_dw)) << what;
      const ops::SparseConvGradients both = masked_conv2d_gradients(mask, w, x_lanes, dy_lanes, c.window, *t);
      ASSERT_EQ(both.x.to_vector<float>(), fast_dx.to_vector<float>()) << what;
      ASSERT_EQ(both.w.to_vector<float>(), fast_dw.to_vector<float>()) << what;
    }
  }
  set_threads(before);
}

// Rows of one, two and more of the widest tiles and of none; windows with and without a border, lists with pairs of taps.
TEST(MaskedConv, LeavesOutTheBorderAndPairsTapsAtEveryWidth) {
  Random random({.seed = 67});
  uint64_t i = 0;
  for (const int64_t width : {3, 4, 7, 8, 9, 16, 17, 24})
    for (const int64_t padding : {0, 1, 2})
      for (const int64_t columns : {2, 3, 5}) {
        Case c{{17, 5, 4, width + columns}, {3, 5, 3, columns}, {}, {.padding = {1, padding}}};
        c.y = conv2d_shape(c.x, c.w, c.window);
        const Mask mask = random_mask(c.w, 0.75, random);
        const Tensor x = normal(c.x, 3 * ++i), dy = normal(c.y, 3 * i + 2);
        Tensor w = normal(c.w, 3 * i + 1);
        zero_pruned(mask, w);
        const std::vector<double> y = twin(ops::reference::conv2d<double>, x, w, c.y, c);
        const std::vector<double> dx = twin(ops::reference::conv2d_input_gradient<double>, dy, w, c.x, c);
        std::vector<double> dw = twin(ops::reference::conv2d_weight_gradient<double>, x, dy, c.w, c);
        for (int64_t p = 0; p < mask.numel(); ++p)
          if (!mask.keeps(p)) dw[static_cast<size_t>(p)] = 0;
        const Tensor x_lanes = to_lanes(x, 2), dy_lanes = to_lanes(dy, columns - 1);
        for (const KernelTable* t : test::tables()) {
          const std::string what = text(c) + " on " + t->isa;
          expect_near(masked_conv2d(mask, w, x_lanes, c.window, {}, *t), y, 75, what);
          expect_near(masked_conv2d_input_gradient(mask, w, dy_lanes, c.x, c.window, *t), dx, 75, "dx of " + what);
          expect_near(masked_conv2d_weight_gradient(mask, x_lanes, dy_lanes, c.window, *t), dw, 17 * c.y[2] * c.y[3],
                      "dw of " + what);
        }
      }
}

/// Pixels of an axis whose gradient kernel index r reaches: those i for which (i + padding - r) / stride is whole.
int64_t reached(int64_t extent, int64_t r, int64_t stride, int64_t padding) {
  int64_t count = 0;
  for (int64_t i = 0; i < extent; ++i) count += (i + padding - r) % stride == 0;
  return count;
}

// What a step pays for a weight: one multiply-add an output forward, one an output for its own gradient, one for every
// pixel of x that it reaches on the way back; for a pruned weight nothing, in any of the three.
TEST(MaskedConv, PlansNoWorkForPrunedWeights) {
  Random random({.seed = 68});
  for (const double density : kDensities)
    for (const int64_t stride : {1, 2, 3}) {
      const Shape x{16, 20, 9, 8}, w{6, 20, 3, 3};
      const Window window{.stride = {stride, stride}, .padding = {1, 1}};
      const Shape y = conv2d_shape(x, w, window);
      const Mask mask = random_mask(w, density, random);
      int64_t back = 0;
      for (int64_t p = 0; p < mask.numel(); ++p)
        if (mask.keeps(p)) back += reached(x[2], p / 3 % 3, stride, 1) * reached(x[3], p % 3, stride, 1);
      const MaskedConv& conv = mask.convolution();
      const auto forward = conv.forward(LaneGeometry::make(x, 1), y[2], y[3], window);
      EXPECT_EQ(ops::multiply_adds(*forward), mask.kept() * y[2] * y[3]);
      EXPECT_EQ(ops::multiply_adds(*conv.back(LaneGeometry::make(y, 1), x[2], x[3], window)), back);
      ASSERT_EQ(forward->classes.size(), 1U);
      std::vector<uint32_t> listed = forward->classes[0].position;  // the weights that get a gradient
      std::sort(listed.begin(), listed.end());
      std::vector<uint32_t> kept;
      for (int64_t p = 0; p < mask.numel(); ++p)
        if (mask.keeps(p)) kept.push_back(static_cast<uint32_t>(p));
      EXPECT_EQ(listed, kept);
    }
}

TEST(MaskedConv, WalksSeveralBlocksOfInputChannels) {
  Random random({.seed = 63});
  const Case c{{18, 50, 9, 9}, {21, 50, 3, 3}, {18, 21, 9, 9}, {.padding = {1, 1}}};
  const Mask mask = random_mask(c.w, 0.1, random);
  const Tensor x = normal(c.x, 1), dy = normal(c.y, 3), x_lanes = to_lanes(x, 1);
  Tensor w = normal(c.w, 2);
  zero_pruned(mask, w);
  ASSERT_GT(mask.convolution().forward(x_lanes.geometry(), 9, 9, c.window)->classes[0].blocks, 1);
  const std::vector<double> y = twin(ops::reference::conv2d<double>, x, w, c.y, c);
  const std::vector<double> dx = twin(ops::reference::conv2d_input_gradient<double>, dy, w, c.x, c);
  for (const KernelTable* t : test::tables()) {
    expect_near(masked_conv2d(mask, w, x_lanes, c.window, {}, *t), y, 450, t->isa);
    expect_near(masked_conv2d_input_gradient(mask, w, to_lanes(dy, 1), c.x, c.window, *t), dx, 450, t->isa);
  }
}

TEST(MaskedConv, AppliesScaleBiasResidualAndReluInLanesAndTiles) {
  Random random({.seed = 64});
  for (uint64_t i = 0; i < 24; ++i) {
    const int64_t n = i % 2 ? 1 : 16, size = i % 3 ? 8 : 16, stride = 1 + static_cast<int64_t>(i / 2 % 2);
    Case c{{n, 19, size, size}, {11, 19, 3, 3}, {}, {.stride = {stride, stride}, .padding = {1, 1}}};
    c.y = conv2d_shape(c.x, c.w, c.window);
    const Mask mask = random_mask(c.w, kDensities[i % 6], random);
    const Tensor x = normal(c.x, 9 * i), residual = normal(c.y, 9 * i + 2);
    Tensor w = normal(c.w, 9 * i + 1);
    zero_pruned(mask, w);
    const Tensor scale = normal({11}, 9 * i + 3), bias = normal({11}, 9 * i + 4);
    const ops::ConvEpilogue epilogue{i % 5 ? bias : Tensor(), i % 3 ? scale : Tensor(), i % 4 ? residual : Tensor(),
                                     i % 6 > 2};
    std::vector<double> want = twin(ops::reference::conv2d<double>, x, w, c.y, c);
    const size_t pixels = static_cast<size_t>(c.y[2] * c.y[3]);
    for (size_t j = 0; j < want.size(); ++j) {
      if (i % 3) want[j] *= scale.data<float>()[j / pixels % 11];
      if (i % 5) want[j] += bias.data<float>()[j / pixels % 11];
      if (i % 4) want[j] += residual.data<float>()[j];
      if (i % 6 > 2) want[j] = std::max(want[j], 0.0);
    }
    const TileGrid grid = tile_grid(n, size, size);
    const bool tiles = n == 1 && ops::tiles_fit(c.x, grid, c.w, c.window);
    for (const KernelTable* t : test::tables()) {
      const std::string what = text(c) + " on " + t->isa;
      expect_near(masked_conv2d(mask, w, to_lanes(x, 1), c.window, epilogue, *t), want, 800, "lanes " + what);
      if (tiles)
        expect_near(masked_conv2d(mask, w, to_tiles(x, grid, 1), c.window, epilogue, *t), want, 800, "tiles " + what);
    }
  }
}

TEST(MaskedConv, MeasuresItsResult) {
  Random random({.seed = 65});
  const Case c{{37, 20, 7, 9}, {13, 20, 3, 3}, {37, 13, 7, 9}, {.padding = {1, 1}}};
  const Mask mask = random_mask(c.w, 0.15, random);
  Tensor w = normal(c.w, 1);
  zero_pruned(mask, w);
  const Tensor x = normal(c.x, 2);
  const std::vector<double> y = twin(ops::reference::conv2d<double>, x, w, c.y, c);
  for (const double pivot : {0.0, 0.1, 1000.0})  // far away: measured again
    for (const KernelTable* t : test::tables()) {
      const ops::MeasuredConv got =
          masked_conv2d_measured(mask, w, to_lanes(x, 1), c.window, Tensor::full({13}, pivot), *t);
      expect_near(got.y, y, 180, t->isa);
      for (size_t k = 0; k < 13; ++k) {
        double sum = 0, squares = 0;
        const size_t pixels = 63, n = 37;
        for (size_t i = 0; i < n * pixels; ++i) sum += y[(i / pixels * 13 + k) * pixels + i % pixels];
        const double mean = sum / static_cast<double>(n * pixels);
        for (size_t i = 0; i < n * pixels; ++i)
          squares += std::pow(y[(i / pixels * 13 + k) * pixels + i % pixels] - mean, 2);
        ASSERT_NEAR(got.moments.mean[k], mean, 1e-4) << t->isa;
        ASSERT_NEAR(got.moments.variance[k], squares / static_cast<double>(n * pixels), 1e-3) << t->isa;
      }
    }
}

TEST(MaskedConv, GivesTheSameBitsForAnyNumberOfThreads) {
  const int before = threads();
  Random random({.seed = 66});
  const Case c{{70, 40, 10, 10}, {24, 40, 3, 3}, {70, 24, 5, 5}, {.stride = {2, 2}, .padding = {1, 1}}};
  const Mask mask = random_mask(c.w, 0.2, random);
  const Tensor x = normal(c.x, 1), w = normal(c.w, 2), dy = to_lanes(normal(c.y, 3), 1), lanes = to_lanes(x, 1);
  const Tensor pivot = Tensor::zeros({24});
  const auto all = [&] {
    const ops::MeasuredConv measured = masked_conv2d_measured(mask, w, lanes, c.window, pivot);
    return std::pair{
        std::vector{measured.moments.mean, measured.moments.variance},
        std::vector{measured.y.to_vector<float>(), masked_conv2d(mask, w, lanes, c.window).to_vector<float>(),
                    masked_conv2d_input_gradient(mask, w, dy, c.x, c.window).to_vector<float>(),
                    masked_conv2d_weight_gradient(mask, lanes, dy, c.window).to_vector<float>()}};
  };
  set_threads(1);
  const auto one = all();
  for (const int count : {2, 3, 8}) {
    set_threads(count);
    EXPECT_EQ(all(), one) << count << " threads";
  }
  set_threads(before);
}

TEST(MaskedConv, KeepsItsPlansForEveryPictureSize) {
  Random random({.seed = 67});
  const Shape w{8, 5, 3, 3};
  const Mask mask = random_mask(w, 0.3, random), copy = mask;
  const Window window{.padding = {1, 1}};
  const auto plan = [&](const Mask& m, int64_t size, int64_t n) {
    return m.convolution().forward(LaneGeometry::make({n, 5, size, size}, 1), size, size, window);
  };
  const auto first = plan(mask, 8, 16);
  EXPECT_EQ(plan(copy, 8, 64), first);
  EXPECT_NE(plan(mask, 9, 16), first);
  for (int64_t size = 10; size < 30; ++size) static_cast<void>(plan(mask, size, 1));
  EXPECT_EQ(plan(mask, 8, 16)->classes[0].offsets, first->classes[0].offsets);
}

TEST(MaskedConv, RefusesWhatDoesNotFitAndSaysBothFacts) {
  const Mask mask(Shape{4, 3, 3, 3});
  const Tensor x = to_lanes(normal({2, 3, 5, 5}, 1), 1), w = normal({4, 3, 3, 3}, 2);
  const auto refuses = [](const auto& call, const std::string& part) {
    try {
      static_cast<void>(call());
      ADD_FAILURE() << "threw nothing; wanted " << part;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  };
  refuses([&] { return masked_conv2d(mask, normal({4, 3, 2, 3}, 3), x, {}); }, "does not fit weight");
  refuses([&] { return masked_conv2d(mask, w, to_plain(x), {}); }, "wants f32 images in lanes");
  refuses([&] { return masked_conv2d(mask, w, x, {}, {.bias = Tensor::zeros({3})}); }, "f32 [3]");
  refuses([&] { return masked_conv2d(mask, w, x, {}, {.residual = x}); }, "residual f32 lanes [2, 3, 5, 5]");
  refuses([&] { return masked_conv2d(mask, w, to_lanes(normal({2, 2, 5, 5}, 1), 1), {}); }, "wants 3 input channels");
  refuses([&] { return masked_conv2d_input_gradient(mask, w, x, x.shape(), {}); }, "does not fit a result");
  refuses([&] { return masked_conv2d_weight_gradient(mask, x, to_plain(x), {}); }, "wants f32 gradients in lanes");
  refuses([&] { return Mask(Shape{4, 3}).convolution().forward({}, 1, 1, {}); }, "wants a mask [k, c, kh, kw]");
}

}  // namespace
}  // namespace pith
