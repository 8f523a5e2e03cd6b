#include "nn/apply.h"

#include <gtest/gtest.h>

#include "autograd/gradcheck.h"
#include "tensor/random.h"

namespace pith::nn {
namespace {

Tensor normal(const Shape& shape, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 61, .item = item});
  return t;
}

struct Outcome {
  std::vector<double> y, dw, dx;
};

/// A linear layer forward and back under a mask that keeps every `step`-th weight.
Outcome run(int64_t step, const SparseCrossover& crossover, int64_t n) {
  std::vector<uint8_t> keep(40 * 60);
  for (size_t i = 0; i < keep.size(); ++i) keep[i] = i % static_cast<size_t>(step) == 0;
  Parameter w(normal({40, 60}, 1)), b(normal({40}, 2));
  w.set_mask(std::make_shared<const Mask>(Mask::from(Tensor::from(keep, {40, 60}))));
  w.crossover = crossover;
  const Variable x(normal({n, 60}, 3), true);
  const Variable y = apply_linear(x, w, &b);
  y.backward(output_direction(y.shape(), DType::f32));
  return {y.value().to_vector<double>(), w.gradient().to_vector<double>(), x.gradient().to_vector<double>()};
}

void expect_near(const std::vector<double>& a, const std::vector<double>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-4) << i;
}

TEST(ApplyLinear, ComputesTheSameOnTheKeptWeightsAlone) {
  for (const int64_t step : {1, 2, 7})
    for (const int64_t n : {1, 33}) {
      const Outcome dense = run(step, {0, 0}, n), sparse = run(step, {2, 2}, n), chosen = run(step, {}, n);
      for (const Outcome* o : {&sparse, &chosen}) {
        expect_near(o->y, dense.y);
        expect_near(o->dw, dense.dw);
        expect_near(o->dx, dense.dx);
      }
    }
}

/// A convolution layer forward and back, likewise; `measured` by the road that batch norm takes.
Outcome run_conv(size_t step, const SparseCrossover& crossover, bool measured) {
  const Shape shape{12, 9, 3, 3};
  std::vector<uint8_t> keep(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < keep.size(); ++i) keep[i] = i % step == 0;
  Parameter w(normal(shape, 1));
  w.set_mask(std::make_shared<const Mask>(Mask::from(Tensor::from(keep, shape))));
  w.crossover = crossover;
  const Variable x(normal({19, 9, 8, 8}, 3), true);
  const Window window{.stride = {2, 2}, .padding = {1, 1}};
  const Variable y = measured ? apply_conv_measured(x, w, nullptr, window, Tensor::zeros({12})).y
                              : apply_conv(x, w, nullptr, window, {.residual = {}, .relu = true});
  y.backward(output_direction(y.shape(), DType::f32));
  return {y.value().to_vector<double>(), w.gradient().to_vector<double>(), x.gradient().to_vector<double>()};
}

TEST(ApplyConv, ComputesTheSameOnTheKeptWeightsAlone) {
  for (const size_t step : {1u, 2u, 7u, 2000u})
    for (const bool measured : {false, true}) {
      const Outcome dense = run_conv(step, {.window = 0}, measured), sparse = run_conv(step, {.window = 2}, measured),
                    chosen = run_conv(step, {}, measured);
      for (const Outcome* o : {&sparse, &chosen}) {
        expect_near(o->y, dense.y);
        expect_near(o->dw, dense.dw);
        expect_near(o->dx, dense.dx);
      }
    }
}

}  // namespace
}  // namespace pith::nn
