#include "autograd/ops/masked_matmul.h"

#include <gtest/gtest.h>

#include "autograd/gradcheck.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace pith {
namespace {

constexpr SparseCrossover kNever{0, 0}, kAlways{2, 2};

Tensor normal(const Shape& shape, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 51, .item = item});
  return t;
}

std::shared_ptr<const Mask> random_mask(const Shape& shape, double density, uint64_t item) {
  Random random({.seed = 52, .item = item});
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

void expect_equal(const Outcome& a, const Outcome& b, const std::string& what) {
  ASSERT_EQ(a.y.size(), b.y.size()) << what;
  for (size_t i = 0; i < a.y.size(); ++i) ASSERT_NEAR(a.y[i], b.y[i], 1e-4) << what;
  for (size_t g = 0; g < a.gradients.size(); ++g)
    for (size_t i = 0; i < a.gradients[g].size(); ++i)
      ASSERT_NEAR(a.gradients[g][i], b.gradients[g][i], 1e-4) << what << " gradient " << g << " at " << i;
}

TEST(MaskedLinear, IsOneFunctionOnBothRoads) {
  uint64_t item = 0;
  for (const double density : {0.0, 0.1, 0.6, 1.0})
    for (const int64_t n : {1, 3, 16, 50}) {
      const auto keep = random_mask({37, 53}, density, ++item);
      Tensor w = normal({37, 53}, ++item);
      zero_pruned(*keep, w);
      const Tensor x = normal({n, 53}, ++item), b = normal({37}, ++item);
      const auto road = [&](const SparseCrossover& c) {
        return [&keep, c](const std::vector<Variable>& v) { return masked_linear(v[0], v[1], v[2], keep, c); };
      };
      for (const Tensor& in : {x, to_lanes(x, 0)})
        expect_equal(run(road(kNever), {in, w, b}), run(road(kAlways), {in, w, b}), "n " + std::to_string(n));
      if (n == 1) continue;
      const auto product = [&](const SparseCrossover& c) {
        return [&keep, c](const std::vector<Variable>& v) { return masked_matmul(v[0], keep, v[1], c); };
      };
      const Tensor columns = normal({53, n}, ++item);
      expect_equal(run(product(kNever), {w, columns}), run(product(kAlways), {w, columns}), "matmul");
    }
}

TEST(MaskedLinear, GivesPrunedWeightsNoGradientOnEitherRoad) {
  const auto keep = random_mask({20, 30}, 0.3, 1);
  Tensor w = normal({20, 30}, 2);
  zero_pruned(*keep, w);
  for (const SparseCrossover& c : {kNever, kAlways}) {
    const Variable x(normal({17, 30}, 3)), weight(w, true);
    const Variable y = masked_linear(x, weight, Variable(), keep, c);
    y.backward(output_direction(y.shape(), DType::f32));
    EXPECT_TRUE(is_zero_where_pruned(*keep, weight.gradient()));
  }
}

TEST(MaskedLinear, RefusesAMaskOfAnotherShape) {
  const Variable x(normal({2, 5}, 1)), w(normal({3, 5}, 2));
  EXPECT_THROW(masked_linear(x, w, Variable(), random_mask({5, 3}, 0.5, 3)), ShapeError);
  EXPECT_THROW(masked_matmul(w, random_mask({5, 3}, 0.5, 3), Variable(normal({5, 2}, 4))), ShapeError);
}

}  // namespace
}  // namespace pith
