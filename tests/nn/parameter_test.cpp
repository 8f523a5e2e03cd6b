// The invariant: a weight is exactly 0 wherever its mask prunes, at every moment any other code can look.
#include "nn/parameter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nn/apply.h"
#include "nn/optim/optimizer.h"
#include "tensor/error.h"
#include "tensor/random.h"
#include "tests/nn/single.h"

namespace pith::nn {
namespace {

using test::Single;

constexpr int64_t kOut = 5, kIn = 27;  // 135 weights: two whole words of keep-bits and a piece

std::shared_ptr<const Mask> random_mask(uint64_t item, double density) {
  Random random({.seed = 11, .purpose = Purpose::test, .epoch = 0, .item = item});
  std::vector<uint8_t> keep(static_cast<size_t>(kOut * kIn));
  for (uint8_t& k : keep) k = random.uniform() < density;
  return std::make_shared<const Mask>(Mask::from(Tensor::from(keep, {kOut, kIn})));
}

Tensor random_tensor(const Shape& shape, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 12, .purpose = Purpose::test, .epoch = 0, .item = item});
  return t;
}

/// Leaves the gradient that a linear layer gives its weight.
void run_backward(Single& model, uint64_t item) {
  model.clear_gradients();
  const Variable y = apply_linear(Variable(random_tensor({3, kIn}, item)), model.weight(), nullptr);
  y.backward(random_tensor(y.shape(), item + 1000));
}

using Make = std::function<std::unique_ptr<Optimizer>(Module&)>;
const std::vector<Make>& optimizers() {
  static const std::vector<Make> all{
      [](Module& m) { return make_sgd(m, {}); },
      [](Module& m) { return make_sgd(m, {.momentum = 0.9}); },
      [](Module& m) { return make_sgd(m, {.momentum = 0.9, .weight_decay = 0.1}); },
      [](Module& m) { return make_sgd(m, {.momentum = 0.9, .weight_decay = 0.1, .nesterov = true}); },
      [](Module& m) { return make_adam(m, {.weight_decay = 0.1}); },
      [](Module& m) { return make_adam(m, {.weight_decay = 0.1, .decoupled = true}); },
  };
  return all;
}

TEST(Parameter, IsZeroWherePrunedWhateverHappens) {
  uint64_t item = 0;
  for (const Make& make : optimizers())
    for (const double density : {0.0, 0.02, 0.5, 0.98, 1.0}) {
      Single model(random_tensor({kOut, kIn}, ++item));
      const auto optimizer = make(model);
      Parameter& w = model.weight();
      Random random({.seed = 13, .purpose = Purpose::test, .epoch = 0, .item = item});
      for (int move = 0; move < 40; ++move) {
        switch (random.below(8)) {
          case 0:
            w.set_mask(random_mask(++item, density));
            break;
          case 1:
            w.load(random_tensor({kOut, kIn}, ++item));
            break;
          case 2:
            w.set_mask(nullptr);
            break;
          default:
            run_backward(model, ++item);
            optimizer->step(0.1);
        }
        if (w.mask()) {
          ASSERT_TRUE(is_zero_where_pruned(*w.mask(), w.value())) << "item " << item << " move " << move;
        }
        ASSERT_EQ(w.value().data<float>(), w.variable().value().data<float>());
      }
    }
}

TEST(Parameter, GetsNoGradientWherePruned) {
  Single model(random_tensor({kOut, kIn}, 1));
  run_backward(model, 5);
  const std::vector<float> dense = model.weight().gradient().to_vector<float>();
  const auto mask = random_mask(2, 0.5);
  model.weight().set_mask(mask);
  run_backward(model, 5);
  const std::vector<float> sparse = model.weight().gradient().to_vector<float>();
  for (size_t i = 0; i < dense.size(); ++i)
    EXPECT_EQ(sparse[i], mask->keeps(static_cast<int64_t>(i)) ? dense[i] : 0.0f) << i;
}

TEST(Parameter, LearnsOnlyFromWhatItKeeps) {
  for (const Make& make : optimizers()) {
    Single masked(random_tensor({kOut, kIn}, 1)), twin(random_tensor({kOut, kIn}, 1));
    const auto mask = random_mask(3, 0.5);
    masked.weight().set_mask(mask);
    twin.weight().set_mask(mask);
    const auto a = make(masked);
    const auto b = make(twin);
    for (uint64_t step = 0; step < 5; ++step) {
      Tensor g = random_tensor({kOut, kIn}, 50 + step);
      Tensor poisoned = g.clone();
      for (int64_t i = 0; i < g.numel(); ++i)
        if (!mask->keeps(i)) poisoned.mutable_data<float>()[i] = std::numeric_limits<float>::quiet_NaN();
      masked.weight().set_gradient(poisoned);  // the step must not even look at pruned places
      twin.weight().set_gradient(g);
      a->step(0.1);
      b->step(0.1);
    }
    EXPECT_EQ(masked.weight().value().to_vector<float>(), twin.weight().value().to_vector<float>());
    a->visit_state([&](const std::string& name, Tensor& t) { EXPECT_TRUE(is_zero_where_pruned(*mask, t)) << name; });
  }
}

TEST(Parameter, StartsFromZeroWithoutOldMomentumWhenReleased) {
  for (const Make& make : optimizers()) {
    Single model(random_tensor({kOut, kIn}, 1));
    const auto optimizer = make(model);
    run_backward(model, 2);
    optimizer->step(0.1);
    const auto mask = random_mask(4, 0.5);
    model.weight().set_mask(mask);
    run_backward(model, 3);
    optimizer->step(0.1);
    model.weight().set_mask(nullptr);
    EXPECT_TRUE(is_zero_where_pruned(*mask, model.weight().value()));
    model.weight().set_gradient(Tensor::zeros({kOut, kIn}));
    optimizer->step(0.1);
    EXPECT_TRUE(is_zero_where_pruned(*mask, model.weight().value()));
  }
}

TEST(Parameter, LearnsAgainAfterRelease) {
  Single model(random_tensor({kOut, kIn}, 1));
  const auto optimizer = make_sgd(model, {.momentum = 0.9});
  model.weight().set_mask(random_mask(4, 0));
  run_backward(model, 3);
  optimizer->step(0.1);
  model.weight().set_mask(nullptr);
  run_backward(model, 4);
  optimizer->step(0.1);
  EXPECT_EQ(Mask::from(model.weight().value()).density(), 1);
}

TEST(Parameter, RefusesAMaskOfAnotherShapeAndStaysAsItWas) {
  Parameter p(Tensor::full({2, 3}, 1));
  EXPECT_THROW(p.set_mask(std::make_shared<const Mask>(Shape{3, 2})), ShapeError);
  EXPECT_EQ(p.mask(), nullptr);
  EXPECT_EQ(p.value().to_vector<float>(), std::vector<float>(6, 1));
}

TEST(Parameter, RefusesAValueOfAnotherShape) {
  Parameter p(Tensor::full({2, 3}, 1));
  EXPECT_THROW(p.load(Tensor::zeros({3, 2})), ShapeError);
}

TEST(Parameter, RemembersOnlyValidQuantisation) {
  Parameter p(Tensor::full({2, 3}, 1));
  QuantParams q{.bits = 8, .is_signed = true, .scale = {0.5f, 0.25f}, .zero_point = {}};
  p.set_quant(std::make_shared<const QuantParams>(q));
  EXPECT_EQ(*p.quant(), q);
  q.scale = {0};
  EXPECT_THROW(p.set_quant(std::make_shared<const QuantParams>(q)), ArgumentError);
}

TEST(Parameter, KeepsItsMaskWhenItsTypeChanges) {
  Parameter p(random_tensor({kOut, kIn}, 1));
  p.set_mask(random_mask(1, 0.5));
  p.convert(DType::f64);
  EXPECT_EQ(p.value().dtype(), DType::f64);
  EXPECT_TRUE(is_zero_where_pruned(*p.mask(), p.value()));
  EXPECT_TRUE(p.variable().requires_gradient());
}

TEST(Parameter, ForgetsItsPackedCopyWhenItsWeightsChange) {
  const Shape shape{5, 3, 3, 3};
  Parameter p(Tensor::full(shape, 1));
  const auto packed = [&] {
    p.pack(1);
    return p.packed().defined();
  };
  ASSERT_TRUE(packed());
  EXPECT_EQ(p.packed().numel(), 8 * 27);  // filled up to whole groups of four filters
  p.load(Tensor::full(shape, 2));
  EXPECT_FALSE(p.packed().defined());
  ASSERT_TRUE(packed());
  EXPECT_EQ(p.packed().data<float>()[0], 2);
  p.mutable_value();
  EXPECT_FALSE(p.packed().defined());
  ASSERT_TRUE(packed());
  p.set_mask(std::make_shared<const Mask>(shape));
  EXPECT_FALSE(p.packed().defined());
  ASSERT_TRUE(packed());
  p.replace(Tensor::full({4, 3, 3, 3}, 1), nullptr);
  EXPECT_FALSE(p.packed().defined());
}

}  // namespace
}  // namespace pith::nn
