#include "autograd/ops/matmul.h"

#include <gtest/gtest.h>

#include "tensor/random.h"
#include "tests/support/oracle.h"

namespace pith {
namespace {

namespace oracle = test::oracle;

Tensor normal(const Shape& shape, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 4, .item = item});
  return t;
}

void expect_near(const Tensor& got, const oracle::Values& want) {
  const std::vector<double> g = got.to_vector<double>();
  ASSERT_EQ(g.size(), want.size());
  for (size_t i = 0; i < g.size(); ++i) ASSERT_NEAR(g[i], want[i], 1e-4) << i;
}

TEST(LinearOp, TreatsAllAxesButTheLastAsRows) {
  const Tensor xs = normal({3, 5, 7}, 1), ws = normal({4, 7}, 2), bs = normal({4}, 3);
  const Variable x(xs, true), w(ws, true), b(bs, true);
  const Variable y = linear(x, w, b);
  EXPECT_EQ(y.shape(), (Shape{3, 5, 4}));
  const Tensor dy = normal(y.shape(), 4);
  y.backward(dy);
  const auto xv = xs.to_vector<double>(), wv = ws.to_vector<double>(), dv = dy.to_vector<double>();
  oracle::Values want = oracle::matmul(xv, oracle::transpose(wv, 4, 7), 15, 7, 4);
  for (size_t i = 0; i < want.size(); ++i) want[i] += bs.data<float>()[i % 4];
  expect_near(y.value(), want);
  expect_near(x.gradient(), oracle::matmul(dv, wv, 15, 4, 7));
  expect_near(w.gradient(), oracle::matmul(oracle::transpose(dv, 15, 4), xv, 4, 15, 7));
  oracle::Values sums(4);
  for (size_t i = 0; i < dv.size(); ++i) sums[i % 4] += dv[i];
  expect_near(b.gradient(), sums);
}

TEST(LinearOp, KeepsLanesInLanes) {
  const Variable x(to_lanes(normal({20, 7}, 1), 0), true), w(normal({4, 7}, 2), true);
  const Variable y = linear(x, w, {});
  EXPECT_TRUE(y.value().is_lanes());
  y.backward(to_lanes(normal({20, 4}, 3), 0));
  EXPECT_TRUE(x.gradient().is_lanes());
  EXPECT_EQ(w.gradient().shape(), (Shape{4, 7}));
}

TEST(MatmulOp, GivesTheGradientsOfBothFactors) {
  const Tensor as = normal({3, 5}, 1), bs = normal({5, 4}, 2), dy = normal({3, 4}, 3);
  const Variable a(as, true), b(bs, true);
  matmul(a, b).backward(dy);
  const auto av = as.to_vector<double>(), bv = bs.to_vector<double>(), dv = dy.to_vector<double>();
  expect_near(a.gradient(), oracle::matmul(dv, oracle::transpose(bv, 5, 4), 3, 4, 5));
  expect_near(b.gradient(), oracle::matmul(oracle::transpose(av, 3, 5), dv, 5, 3, 4));
}

}  // namespace
}  // namespace pith
