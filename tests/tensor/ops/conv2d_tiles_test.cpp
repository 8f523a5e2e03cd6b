// Convolution of small batches as tiles, and the moments that it gathers on the way.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/kernels/table.h"
#include "tensor/ops/conv2d.h"
#include "tensor/ops/conv2d_reference.h"
#include "tensor/random.h"
#include "tests/support/tables.h"

namespace pith {
namespace {

Tensor normal(const Shape& shape, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 12, .item = item});
  return t;
}

/// relu(scale conv(x, w) + bias + residual) by the slow twin, in double.
std::vector<double> twin(const Tensor& x, const Tensor& w, const Shape& y, const Window& window,
                         const ops::ConvEpilogue& e) {
  const std::vector<double> xs = x.to_vector<double>(), ws = w.to_vector<double>();
  std::vector<double> r(static_cast<size_t>(y.numel()));
  ops::reference::conv2d(xs.data(), ws.data(), r.data(), x.shape(), w.shape(), y, window);
  const size_t pixels = static_cast<size_t>(y[2] * y[3]), k = static_cast<size_t>(y[1]);
  for (size_t i = 0; i < r.size(); ++i) {
    if (e.scale.defined()) r[i] *= e.scale.data<float>()[i / pixels % k];
    if (e.bias.defined()) r[i] += e.bias.data<float>()[i / pixels % k];
    if (e.residual.defined()) r[i] += e.residual.data<float>()[i];
    if (e.relu) r[i] = std::max(r[i], 0.0);
  }
  return r;
}

struct TileConv {
  Shape x, w;
  Window window;
  TileGrid grid;
};

/// A random convolution that keeps pixels in their tiles.
TileConv random_case(Random& random) {
  const auto pick = [&](int64_t low, int64_t high) { return low + random.below(high - low + 1); };
  for (;;) {
    const TileGrid grids[] = {{4, 4}, {4, 2}, {2, 2}, {2, 1}, {1, 2}, {2, 4}};
    TileConv c{{}, {}, {}, grids[random.below(6)]};
    const int64_t kernel = pick(1, 5), groups = random.below(3) ? 1 : pick(2, 4), stride = pick(1, 3);
    c.window.groups = groups;
    c.window.stride = {stride, stride};
    c.window.dilation = {random.below(4) ? 1 : 2, 1};
    c.window.padding = {kernel / 2 * c.window.dilation[0], kernel / 2};
    c.x = {pick(1, 17), groups * pick(1, 5), c.grid.rows * pick(1, 9), c.grid.columns * pick(1, 9)};
    c.w = {groups * pick(1, 7), c.x[1] / groups, kernel, kernel};
    if (ops::tiles_fit(c.x, c.grid, c.w, c.window)) return c;
  }
}

/// Do the halos hold what an exchange would put there, and the dead lanes zero?
void expect_exchanged(const Tensor& y) {
  Tensor again = y.clone();
  exchange_halo(again);
  clear_dead_lanes(again);
  const size_t count = y.bytes() / sizeof(float);
  EXPECT_TRUE(std::equal(y.data<float>(), y.data<float>() + count, again.data<float>())) << text(y);
}

TEST(Conv2dTiles, AgreeWithTheSlowTwinOnRandomShapesOnEveryIsa) {
  Random random({.seed = 1});
  for (uint64_t i = 0; i < 120; ++i) {
    const TileConv c = random_case(random);
    const Tensor x = normal(c.x, 5 * i), w = normal(c.w, 5 * i + 1);
    const Shape shape = conv2d_shape(c.x, c.w, c.window);
    const ops::ConvEpilogue e{i % 2 ? normal({shape[1]}, 5 * i + 2) : Tensor(),
                              i % 3 ? Tensor() : normal({shape[1]}, 5 * i + 3),
                              i % 4 ? Tensor() : normal(shape, 5 * i + 4), i % 5 == 0};
    const std::vector<double> want = twin(x, w, shape, c.window, e);
    for (const KernelTable* const t : test::tables()) {
      const Tensor tiles =
          to_tiles(x, c.grid, std::min<int64_t>(1, std::min(c.x[2] / c.grid.rows, c.x[3] / c.grid.columns)));
      const Tensor y = ops::conv2d(tiles, w, c.window, e, *t);
      ASSERT_TRUE(y.is_tiles());
      expect_exchanged(y);
      const std::vector<double> found = y.to_vector<double>();
      const double tolerance = 4e-6 * static_cast<double>(4 + c.w[1] * c.w[2] * c.w[3]);
      for (size_t j = 0; j < want.size(); ++j)
        ASSERT_NEAR(found[j], want[j], tolerance) << text(c.x) << text(c.w) << " on " << t->isa << " at " << j;
    }
  }
}

TEST(Conv2dTiles, FallBackToPlainOrderWhereAPixelWouldLeaveItsTile) {
  const Tensor w = normal({3, 2, 3, 3}, 1), x = normal({1, 2, 8, 8}, 2), tiles = to_tiles(x, {4, 4}, 1);
  const Window unpadded, strided{.stride = {3, 3}, .padding = {1, 1}};
  for (const Window& window : {unpadded, strided}) {
    EXPECT_FALSE(ops::tiles_fit(tiles, w.shape(), window));
    const Tensor y = ops::conv2d(tiles, w, window);
    EXPECT_TRUE(y.is_plain());
    EXPECT_EQ(y.to_vector<float>(), ops::conv2d(x, w, window).to_vector<float>());
  }
}

TEST(MeasuredConv, GathersTheMomentsThatASecondPassWouldFind) {
  Random random({.seed = 2});
  for (uint64_t i = 0; i < 40; ++i) {
    const int64_t groups = i % 4 == 0 ? 2 : 1, kernel = 1 + 2 * random.below(2);
    const Shape xs{1 + random.below(35), groups * (1 + random.below(5)), 1 + random.below(14), 1 + random.below(14)};
    const Shape ws{groups * (1 + random.below(9)), xs[1] / groups, kernel, kernel};
    const Window window{
        .stride = {1 + random.below(2), 1 + random.below(2)}, .padding = {kernel / 2, kernel / 2}, .groups = groups};
    const Tensor x = normal(xs, 3 * i), w = normal(ws, 3 * i + 1);
    // Pivots from near to so far that single precision could not tell the variance.
    Tensor pivot = normal({ws[0]}, 3 * i + 2);
    for (int64_t k = 0; k < ws[0]; ++k) pivot.mutable_data<float>()[k] *= i % 3 == 0 ? 1e5f : 1;
    for (const KernelTable* const t : test::tables()) {
      const Tensor lanes = to_lanes(x, 1);
      const ops::MeasuredConv found = ops::conv2d_measured(lanes, w, window, pivot, *t);
      const Tensor y = ops::conv2d(lanes, w, window, {}, *t);
      ASSERT_EQ(found.y.to_vector<float>(), y.to_vector<float>());
      const ops::Moments want = ops::batch_moments(y);
      ASSERT_EQ(found.moments.count, want.count);
      for (size_t k = 0; k < want.mean.size(); ++k) {
        ASSERT_NEAR(found.moments.mean[k], want.mean[k], 1e-5 * (1 + std::sqrt(want.variance[k]))) << t->isa;
        ASSERT_NEAR(found.moments.variance[k], want.variance[k], 1e-4 * want.variance[k] + 1e-12) << t->isa;
      }
    }
  }
}

}  // namespace
}  // namespace pith
