#include "autograd/ops/masked_conv2d.h"

#include <gtest/gtest.h>

#include "autograd/gradcheck.h"
#include "tensor/error.h"
#include "tests/support/conv_case.h"

namespace pith {
namespace {

constexpr SparseCrossover kNever{.window = 0}, kAlways{.window = 2};

Tensor normal(const Shape& shape, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 53, .item = item});
  return t;
}

std::shared_ptr<const Mask> random_mask(const Shape& shape, double density, Random& random) {
  std::vector<uint8_t> keep(static_cast<size_t>(shape.numel()));
  for (uint8_t& k : keep) k = random.uniform(0, 1) < density;
  return std::make_shared<const Mask>(Mask::from(Tensor::from(keep, shape)));
}

struct Outcome {
  std::vector<double> y;
  std::vector<std::vector<double>> gradients;
};

template <class F>
Outcome run(const F& f, const std::vector<Tensor>& inputs) {
  std::vector<Variable> v;
  for (const Tensor& t : inputs) v.emplace_back(t, true);
  const Variable y = f(v);
  y.backward(output_direction(y.shape(), DType::f32));
  Outcome out{y.value().to_vector<double>(), {}};
  for (const Variable& x : v) out.gradients.push_back(x.gradient().to_vector<double>());
  return out;
}

void expect_near(const std::vector<double>& a, const std::vector<double>& b, double tolerance,
                 const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << what << " at " << i;
}

TEST(MaskedConv2d, IsOneFunctionOnBothRoadsWithEveryTail) {
  Random random({.seed = 54});
  for (uint64_t i = 0; i < 60; ++i) {
    const test::Case c = test::random_case(random);
    const auto keep = random_mask(c.w, static_cast<double>(i % 7) / 6, random);
    Tensor w = normal(c.w, 5 * i);
    zero_pruned(*keep, w);
    const bool adds = i % 2 == 1, biased = i % 3 > 0, relu = i % 5 > 2;
    std::vector<Tensor> inputs{normal(c.x, 5 * i + 1), w};
    if (biased) inputs.push_back(normal({c.y[1]}, 5 * i + 2));
    if (adds) inputs.push_back(normal(c.y, 5 * i + 3));
    const auto road = [&](const SparseCrossover& crossover) {
      return [&, crossover](const std::vector<Variable>& v) {
        const ConvTail tail{adds ? v.back() : Variable(), relu};
        return masked_conv2d(v[0], v[1], biased ? v[2] : Variable(), keep, c.window, tail, crossover);
      };
    };
    const Outcome dense = run(road(kNever), inputs), sparse = run(road(kAlways), inputs);
    const double depth = 1e-6 * static_cast<double>(c.y.numel() + c.w.numel());
    const std::string what = test::text(c);
    expect_near(sparse.y, dense.y, 1e-4, what);
    for (size_t g = 0; g < inputs.size(); ++g)
      expect_near(sparse.gradients[g], dense.gradients[g], 1e-4 + depth, what + " gradient " + std::to_string(g));
  }
}

TEST(MaskedConv2d, FusesItsTailInInferenceInLanesTilesAndPlainOrder) {
  Random random({.seed = 55});
  const NoGradient inference;
  for (const int64_t n : {1, 2, 3, 20})
    for (const int64_t size : {8, 9}) {
      const Shape shape{6, 5, 3, 3};
      const auto keep = random_mask(shape, 0.2, random);
      Tensor w = normal(shape, 1);
      zero_pruned(*keep, w);
      const Variable x(normal({n, 5, size, size}, 2)), b(normal({6}, 3)), residual(normal({n, 6, size, size}, 4));
      const ConvTail tail{residual, true};
      const auto road = [&](const SparseCrossover& c) {
        return masked_conv2d(x, Variable(w), b, keep, {.padding = {1, 1}}, tail, c).value().to_vector<double>();
      };
      expect_near(road(kAlways), road(kNever), 1e-5, "batch " + std::to_string(n));
    }
}

TEST(MaskedConv2d, GivesPrunedWeightsNoGradientOnEitherRoad) {
  Random random({.seed = 56});
  const auto keep = random_mask({6, 5, 3, 3}, 0.3, random);
  Tensor w = normal({6, 5, 3, 3}, 1);
  zero_pruned(*keep, w);
  for (const SparseCrossover& c : {kNever, kAlways}) {
    const Variable x(normal({17, 5, 6, 6}, 2)), weight(w, true);
    const MeasuredVariable y =
        masked_conv2d_measured(x, weight, Variable(), keep, {.padding = {1, 1}}, Tensor::zeros({6}), c);
    EXPECT_GT(y.moments.count, 0);
    y.y.backward(output_direction(y.y.shape(), DType::f32));
    EXPECT_TRUE(is_zero_where_pruned(*keep, weight.gradient()));
  }
}

TEST(MaskedConv2d, RefusesAMaskOfAnotherShape) {
  Random random({.seed = 57});
  const Variable x(normal({2, 5, 6, 6}, 1)), w(normal({3, 5, 3, 3}, 2));
  EXPECT_THROW(masked_conv2d(x, w, Variable(), random_mask({5, 3, 3, 3}, 0.5, random), {}), ShapeError);
}

}  // namespace
}  // namespace pith
