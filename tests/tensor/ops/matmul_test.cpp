#include "tensor/ops/matmul.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/support/oracle.h"
#include "tests/support/tables.h"

namespace pith {
namespace {

namespace oracle = test::oracle;

Tensor normal(const Shape& shape, uint64_t item, DType dtype = DType::f32) {
  Tensor t = Tensor::empty(shape, dtype);
  fill_normal(t, 0, 1, {.seed = 5, .item = item});
  return t;
}

/// Sums of `depth` products of normal numbers; rounding grows with the depth at most.
void expect_near(const Tensor& got, const oracle::Values& want, int64_t depth, const std::string& what) {
  const std::vector<double> g = got.to_vector<double>();
  ASSERT_EQ(g.size(), want.size()) << what;
  for (size_t i = 0; i < g.size(); ++i)
    ASSERT_NEAR(g[i], want[i], 1e-6 * static_cast<double>(4 + depth)) << what << " at " << i;
}

/// Extents that touch every tail of the tiles, and now and then a product that is cut into blocks.
struct Sizes {
  int64_t m, k, n;
};
Sizes random_sizes(Random& random) {
  const auto pick = [&](int64_t most) { return 1 + random.below(random.below(2) ? most : 20); };
  return {pick(random.below(8) ? 70 : 250), pick(random.below(8) ? 90 : 400), pick(random.below(8) ? 140 : 300)};
}

TEST(Matmul, AgreesWithEigenInEveryTransposeOnEveryIsa) {
  Random random({.seed = 1});
  for (uint64_t i = 0; i < 200; ++i) {
    const auto [m, k, n] = random_sizes(random);
    const Tensor a = normal({m, k}, 2 * i), b = normal({k, n}, 2 * i + 1);
    const oracle::Values av = a.to_vector<double>(), bv = b.to_vector<double>(), c = oracle::matmul(av, bv, m, k, n);
    const Tensor at = a.transpose(0, 1).contiguous(), bt = b.transpose(0, 1).contiguous();
    for (const KernelTable* t : test::tables()) {
      const std::string what = text(a) + " times " + text(b) + " on " + t->isa;
      expect_near(ops::matmul(a, b, *t), c, k, what);
      expect_near(ops::matmul_nt(a, bt, *t), c, k, "nt: " + what);
      expect_near(ops::matmul_tn(at, b, *t), c, k, "tn: " + what);
    }
  }
}

TEST(Matmul, AgreesWithEigenInDouble) {
  Random random({.seed = 2});
  for (uint64_t i = 0; i < 50; ++i) {
    const int64_t m = 1 + random.below(20), k = 1 + random.below(20), n = 1 + random.below(20);
    const Tensor a = normal({m, k}, 2 * i, DType::f64), b = normal({k, n}, 2 * i + 1, DType::f64);
    const oracle::Values c = oracle::matmul(a.to_vector<double>(), b.to_vector<double>(), m, k, n);
    const oracle::Values got = ops::matmul(a, b).to_vector<double>();
    for (size_t j = 0; j < c.size(); ++j) ASSERT_NEAR(got[j], c[j], 1e-13 * static_cast<double>(k));
  }
}

TEST(Linear, OverLanesAgreesWithEigenOnEveryIsa) {
  Random random({.seed = 3});
  for (uint64_t i = 0; i < 100; ++i) {
    const int64_t n = 1 + random.below(100), in = 1 + random.below(40), out = 1 + random.below(40);
    const Tensor x = normal({n, in}, 4 * i), w = normal({out, in}, 4 * i + 1), dy = normal({n, out}, 4 * i + 2);
    const Tensor bias = i % 2 ? normal({out}, 4 * i + 3) : Tensor();
    const auto xv = x.to_vector<double>(), wv = w.to_vector<double>(), dv = dy.to_vector<double>();
    oracle::Values y = oracle::matmul(xv, oracle::transpose(wv, out, in), n, in, out);
    for (size_t j = 0; bias.defined() && j < y.size(); ++j) y[j] += bias.data<float>()[j % static_cast<size_t>(out)];
    const oracle::Values dx = oracle::matmul(dv, wv, n, out, in);
    const oracle::Values dw = oracle::matmul(oracle::transpose(dv, n, out), xv, out, n, in);
    for (const KernelTable* t : test::tables())
      for (bool lanes : {false, true}) {
        const std::string what = text(x) + " by " + text(w) + (lanes ? " in lanes on " : " on ") + t->isa;
        const Tensor lx = lanes ? to_lanes(x, 0) : x, ldy = lanes ? to_lanes(dy, 0) : dy;
        const Tensor got = ops::linear(lx, w, bias, *t);
        ASSERT_EQ(got.is_lanes(), lanes);
        expect_near(got, y, in, what);
        expect_near(ops::linear_input_gradient(ldy, w, *t), dx, out, "dx of " + what);
        expect_near(ops::linear_weight_gradient(lx, ldy, *t), dw, n, "dw of " + what);
      }
  }
}

TEST(Linear, LeavesTheLanesOfAbsentImagesAtZeroAfterABias) {
  const Tensor y = ops::linear(to_lanes(normal({5, 3}, 1), 0), normal({2, 3}, 2), Tensor::full({2}, 1));
  for (int64_t k = 0; k < 2; ++k)
    for (int64_t lane = 5; lane < 16; ++lane) EXPECT_EQ(y.data<float>()[y.geometry().line(0, k, 0, 0) * 16 + lane], 0);
}

TEST(Matmul, GivesTheSameBitsForAnyNumberOfThreads) {
  const int before = threads();
  for (const auto& [m, k, n] : {Sizes{300, 200, 500}, Sizes{7, 1000, 900}, Sizes{2, 700, 333}, Sizes{64, 64, 64}}) {
    const Tensor a = normal({m, k}, 1), b = normal({n, k}, 2), x = to_lanes(normal({130, k}, 3), 0);
    set_threads(1);
    const auto c = ops::matmul_nt(a, b).to_vector<float>(), y = ops::linear(x, b, Tensor()).to_vector<float>();
    for (int count : {2, 3, 8}) {
      set_threads(count);
      EXPECT_EQ(ops::matmul_nt(a, b).to_vector<float>(), c) << count << " threads";
      EXPECT_EQ(ops::linear(x, b, Tensor()).to_vector<float>(), y) << count << " threads";
    }
  }
  set_threads(before);
}

TEST(Matmul, TakesEmptyMatricesAndLetsNanThrough) {
  EXPECT_EQ(ops::matmul(normal({0, 3}, 1), normal({3, 2}, 2)).shape(), (Shape{0, 2}));
  const Tensor none = ops::matmul(Tensor::empty({2, 0}), Tensor::empty({0, 3}));
  EXPECT_EQ(none.to_vector<float>(), std::vector<float>(6, 0.0f));
  Tensor a = Tensor::zeros({1, 3});
  a.mutable_data<float>()[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(ops::matmul(a, Tensor::zeros({3, 1})).item()));
}

TEST(Matmul, RefusesShapesThatDoNotMultiplyAndNamesBoth) {
  try {
    static_cast<void>(ops::matmul(normal({2, 3}, 1), normal({4, 5}, 2)));
    FAIL() << "threw nothing";
  } catch (const ShapeError& e) {
    EXPECT_NE(std::string(e.what()).find("[2, 3] and [4, 5]"), std::string::npos) << e.what();
  }
  EXPECT_THROW(static_cast<void>(ops::matmul(normal({2, 3}, 1), normal({3, 5}, 2, DType::f64))), TypeError);
  EXPECT_THROW(static_cast<void>(ops::linear(normal({2, 3}, 1), normal({5, 3}, 2), Tensor::zeros({4}))), ShapeError);
}

}  // namespace
}  // namespace pith
