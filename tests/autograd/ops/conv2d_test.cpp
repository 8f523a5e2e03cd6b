#include "autograd/ops/conv2d.h"

#include <gtest/gtest.h>

#include "tensor/random.h"
#include "tests/support/oracle.h"

namespace pith {
namespace {

namespace oracle = test::oracle;

Tensor normal(const Shape& shape, uint64_t item, DType dtype = DType::f32) {
  Tensor t = Tensor::empty(shape, dtype);
  fill_normal(t, 0, 1, {.seed = 3, .item = item});
  return t;
}

void expect_near(const Tensor& got, const oracle::Values& want) {
  const std::vector<double> g = got.to_vector<double>();
  ASSERT_EQ(g.size(), want.size());
  for (size_t i = 0; i < g.size(); ++i) ASSERT_NEAR(g[i], want[i], 1e-3) << i;
}

TEST(Conv2dOp, GivesTheGradientsOfImagesWeightsAndBiasThatEigenGives) {
  const Window window{.stride = {2, 1}, .padding = {1, 2}};
  const Tensor xs = normal({18, 4, 9, 7}, 1), ws = normal({6, 4, 3, 3}, 2), bs = normal({6}, 3);
  const Variable x(xs, true), w(ws, true), b(bs, true);
  const Variable y = conv2d(x, w, b, window);
  const Tensor dy = normal(y.shape(), 4);
  y.backward(dy);
  const auto xv = xs.to_vector<double>(), wv = ws.to_vector<double>(), dv = dy.to_vector<double>();
  expect_near(x.gradient(), oracle::conv2d_input_gradient(dv, wv, ws.shape(), xs.shape(), window));
  expect_near(w.gradient(), oracle::conv2d_weight_gradient(xv, xs.shape(), dv, ws.shape(), window));
  oracle::Values sums(6);
  const size_t pixels = static_cast<size_t>(y.shape()[2] * y.shape()[3]);
  for (size_t i = 0; i < dv.size(); ++i) sums[i / pixels % 6] += dv[i];
  expect_near(b.gradient(), sums);
}

TEST(Conv2dOp, ChoosesLanesForTrainingAndBatchesAndPlainForOneImage) {
  const Variable w(normal({4, 3, 3, 3}, 1)), none;
  const Variable one(normal({1, 3, 6, 6}, 2)), eight(normal({8, 3, 6, 6}, 3)), f64(normal({8, 3, 6, 6}, 4, DType::f64));
  EXPECT_TRUE(conv2d(one, w, none, {}).value().is_lanes());
  EXPECT_FALSE(conv2d(f64, Variable(w.value().to(DType::f64)), none, {}).value().is_lanes());
  const NoGradient inference;
  EXPECT_FALSE(conv2d(one, w, none, {}).value().is_lanes());
  EXPECT_TRUE(conv2d(eight, w, none, {}).value().is_lanes());
  EXPECT_TRUE(conv2d(Variable(to_lanes(one.value(), 1)), w, none, {}).value().is_lanes());
}

}  // namespace
}  // namespace pith
