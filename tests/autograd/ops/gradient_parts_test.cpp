// Behind a fork a gradient comes in parts, which batch normalisation and requantisation add up in their own pass: to
// the same bits as a gradient that was added up before, whoever else holds the parts.
#include <gtest/gtest.h>

#include <functional>

#include "autograd/ops/batch_norm.h"
#include "autograd/ops/quantize.h"
#include "tensor/ops/accumulate.h"
#include "tensor/random.h"

namespace pith {
namespace {

enum class Order { plain, lanes, wide };  // wide: lanes with more of a border

Tensor drawn(const Shape& s, uint64_t seed, DType dtype, Order order = Order::plain, double low = -1) {
  Random random({.seed = seed});
  std::vector<double> v(static_cast<size_t>(s.numel()));
  for (double& x : v) x = random.uniform(low, 1);
  const Tensor t = Tensor::from(v, s).to(dtype);
  return order == Order::plain ? t : to_lanes(t, order == Order::wide ? 2 : 1);
}

struct Inputs {
  std::vector<Variable> leaves;
  Variable result;
};

/// The gradients of all inputs when `parts` arrive one after the other.
std::vector<std::vector<double>> gradients(const std::function<Inputs()>& make, const std::vector<Tensor>& parts) {
  const Inputs in = make();
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    Variable y = in.result;
    y.add_gradient(parts[i].clone());
  }
  in.result.backward(parts.back());
  std::vector<std::vector<double>> all;
  for (const Variable& leaf : in.leaves) all.push_back(to_plain(leaf.gradient()).to_vector<double>());
  return all;
}

void expect_parts_as_whole(const std::function<Inputs()>& make, const Shape& s, DType dtype, Order order) {
  std::vector<Tensor> parts;
  Tensor whole = drawn(s, 20, dtype, order);
  for (const uint64_t seed : {20, 21, 22}) {
    parts.push_back(drawn(s, seed, dtype, seed == 21 && order == Order::lanes ? Order::wide : order));
    if (seed > 20) ops::accumulate(whole, parts.back());
    const auto before = to_plain(parts.back()).to_vector<double>();
    EXPECT_EQ(gradients(make, parts), gradients(make, {whole})) << parts.size() << " parts";
    EXPECT_EQ(to_plain(parts.back()).to_vector<double>(), before) << "the caller's gradient was overwritten";
  }
}

class GradientParts : public testing::TestWithParam<std::tuple<Order, DType>> {};

TEST_P(GradientParts, OfBatchNormAreAddedUpToTheSameBits) {
  const auto [order, dtype] = GetParam();
  const Shape s{19, 3, 5, 6};
  for (const bool relu : {false, true})
    for (const bool adds : {false, true})
      for (const bool wants : {false, true}) {
        SCOPED_TRACE(std::string(relu ? "relu " : "") + (adds ? "residual " : "") + (wants ? "wanted" : ""));
        const auto make = [&, order = order, dtype = dtype] {
          std::vector<Variable> v{Variable(drawn(s, 1, dtype, order), true), Variable(drawn({3}, 2, dtype), true),
                                  Variable(drawn({3}, 3, dtype), true)};
          const Variable residual = adds ? Variable(drawn(s, 4, dtype, order), wants) : Variable();
          BatchNormState state{Tensor::zeros({3}, dtype), Tensor::full({3}, 1, dtype)};
          const Variable y = batch_norm(v[0], v[1], v[2], state, {.relu = relu}, residual);
          if (adds && wants) v.push_back(residual);
          return Inputs{v, y};
        };
        expect_parts_as_whole(make, s, dtype, order);
      }
}

TEST_P(GradientParts, OfRequantizationAreAddedUpToTheSameBits) {
  const auto [order, dtype] = GetParam();
  const Shape s{19, 3, 5, 6};
  for (const bool adds : {false, true}) {
    SCOPED_TRACE(adds ? "residual" : "alone");
    const auto make = [&, order = order, dtype = dtype] {
      std::vector<Variable> v{Variable(drawn(s, 1, dtype, order), true), Variable(drawn({3}, 2, dtype), true),
                              Variable(drawn({3}, 3, dtype, Order::plain, 0.5), true)};
      if (adds) v.emplace_back(drawn(s, 4, dtype, order), true), v.emplace_back(drawn({1}, 5, dtype), true);
      const Variable none;
      return Inputs{v, requantize(v[0], v[1], v[2], adds ? v[3] : none, adds ? v[4] : none, {-0.6, 0.7, false})};
    };
    expect_parts_as_whole(make, s, dtype, order);
  }
}

INSTANTIATE_TEST_SUITE_P(Orders, GradientParts,
                         testing::Values(std::tuple{Order::plain, DType::f64}, std::tuple{Order::plain, DType::f32},
                                         std::tuple{Order::lanes, DType::f32}, std::tuple{Order::wide, DType::f32}));

}  // namespace
}  // namespace pith
