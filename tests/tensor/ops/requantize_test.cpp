#include "tensor/ops/requantize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/lanes.h"
#include "tensor/random.h"

namespace pith {
namespace {

struct Case {
  Tensor sums, dy;
  ops::Requantization r;
};

Tensor whole_numbers(const Shape& shape, double deviation, uint64_t seed) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, deviation, {.seed = seed});
  float* const p = t.mutable_data<float>();
  for (int64_t i = 0; i < t.numel(); ++i) p[i] = std::nearbyint(p[i]);
  return t;
}

Case random_case(const Shape& shape, bool adds, bool rounds) {
  Case c{whole_numbers(shape, 600, 1), Tensor::empty(shape), {}};
  fill_normal(c.dy, 0, 1, {.seed = 2});
  c.r = {.bias = whole_numbers({shape[1]}, 100, 3), .scale = Tensor::empty({shape[1]}), .lowest = 0, .highest = 15};
  fill_normal(c.r.scale, 0.02, 0.003, {.seed = 4});
  c.r.rounds = rounds;
  if (adds) c.r.residual = whole_numbers(shape, 5, 5), c.r.residual_scale = Tensor::full({1}, 0.7);
  return c;
}

/// The definition, element by element: floats as the integer kernels round them, sums in double.
struct Twin {
  std::vector<float> y, sums, residual;
  std::vector<double> bias, scale;
  double residual_scale = 0;

  explicit Twin(const Case& c) : bias(static_cast<size_t>(c.sums.shape()[1])), scale(bias) {
    const int64_t channels = c.sums.shape()[1], length = c.sums.numel() / c.sums.shape()[0] / channels;
    for (int64_t i = 0; i < c.sums.numel(); ++i) take(c, i, static_cast<size_t>(i / length % channels));
  }

  void take(const Case& c, int64_t i, size_t k) {
    const float t = c.sums.data<float>()[i] + c.r.bias.data<float>()[k], m = c.r.scale.data<float>()[k];
    const bool adds = c.r.residual.defined();
    const float e = adds ? c.r.residual.data<float>()[i] : 0, n = adds ? c.r.residual_scale.data<float>()[0] : 0;
    float v = t * m;
    if (adds) v = v + e * n;
    const float low = static_cast<float>(c.r.lowest), high = static_cast<float>(c.r.highest);
    const float cut = std::fmin(std::fmax(v, low), high), g = v < low || v > high ? 0 : c.dy.data<float>()[i];
    y.push_back(c.r.rounds ? std::nearbyint(cut) : cut);
    sums.push_back(g * m), residual.push_back(g * n);
    bias[k] += static_cast<double>(g) * static_cast<double>(m);
    scale[k] += static_cast<double>(g) * static_cast<double>(t);
    residual_scale += static_cast<double>(g) * static_cast<double>(e);
  }
};

void expect_near(const std::vector<double>& here, const std::vector<double>& twin) {
  ASSERT_EQ(here.size(), twin.size());
  for (size_t i = 0; i < twin.size(); ++i) EXPECT_NEAR(here[i], twin[i], 1e-4 * (1 + std::abs(twin[i]))) << i;
}

void expect_as_twin(const Case& c, bool as_lanes) {
  const Twin twin(c);
  const auto order = [&](const Tensor& t) { return as_lanes && t.defined() ? to_lanes(t, 1) : t; };
  ops::Requantization r = c.r;
  r.residual = order(r.residual);
  EXPECT_EQ(to_plain(ops::requantize(order(c.sums), r)).to_vector<float>(), twin.y);
  const ops::RequantizationGradients d = ops::requantize_gradient(order(c.sums), r, {order(c.dy), Tensor()});
  EXPECT_EQ(to_plain(d.sums).to_vector<float>(), twin.sums);
  expect_near(d.bias.to_vector<double>(), twin.bias);
  expect_near(d.scale.to_vector<double>(), twin.scale);
  if (!r.residual.defined()) return;
  EXPECT_EQ(to_plain(d.residual).to_vector<float>(), twin.residual);
  expect_near(d.residual_scale.to_vector<double>(), {twin.residual_scale});
}

TEST(Requantize, EqualsItsDefinitionInLanesAndPlainOrder) {
  for (const Shape& shape : {Shape{20, 3, 5, 7}, {16, 2, 1, 1}, {33, 1, 130, 3}, {3, 4, 2, 160}})
    for (const bool adds : {false, true})
      for (const bool rounds : {false, true})
        for (const bool as_lanes : {false, true}) {
          SCOPED_TRACE(text(shape) + (adds ? " adds" : "") + (rounds ? " rounds" : "") + (as_lanes ? " lanes" : ""));
          expect_as_twin(random_case(shape, adds, rounds), as_lanes);
        }
}

}  // namespace
}  // namespace pith
