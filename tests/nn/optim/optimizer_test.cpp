#include "nn/optim/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/optim/clip.h"
#include "tensor/error.h"
#include "tests/nn/single.h"
#include "tests/support/golden.h"

namespace pith::nn {
namespace {

using test::Single;
using test::wave;

using Make = std::function<std::unique_ptr<Optimizer>(Module&)>;

const std::vector<std::pair<std::string, Make>>& cases() {
  static const std::vector<std::pair<std::string, Make>> all{
      {"sgd", [](Module& m) { return make_sgd(m, {}); }},
      {"sgd_decay", [](Module& m) { return make_sgd(m, {.weight_decay = 0.05}); }},
      {"sgd_momentum", [](Module& m) { return make_sgd(m, {.momentum = 0.9, .weight_decay = 0.01}); }},
      {"sgd_dampening", [](Module& m) { return make_sgd(m, {.momentum = 0.9, .dampening = 0.3}); }},
      {"sgd_nesterov",
       [](Module& m) { return make_sgd(m, {.momentum = 0.9, .weight_decay = 0.01, .nesterov = true}); }},
      {"adam", [](Module& m) { return make_adam(m, {}); }},
      {"adam_decay",
       [](Module& m) { return make_adam(m, {.beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-6, .weight_decay = 0.05}); }},
      {"adamw", [](Module& m) { return make_adam(m, {.weight_decay = 0.05, .decoupled = true}); }},
  };
  return all;
}

/// The gradient of make_golden.py at this step.
Tensor gradient(const Tensor& w, int step) {
  std::vector<double> g = wave(w.shape(), 2 + step).to_vector<double>();
  const std::vector<double> values = w.to_vector<double>();
  for (size_t i = 0; i < g.size(); ++i) g[i] += 0.3 * values[i];
  return Tensor::from(g, w.shape()).to(w.dtype());
}

void take_step(Single& model, Optimizer& optimizer, int step) {
  model.clear_gradients();
  model.weight().set_gradient(gradient(model.weight().value(), step));
  optimizer.step(0.1);
}

TEST(Optimizer, WalksPyTorchsPathForTwentySteps) {
  const test::Golden golden = test::read_golden("optimizers.txt");
  for (const auto& [name, make] : cases())
    for (const DType dtype : {DType::f64, DType::f32}) {
      Single model(wave({7}, 1, dtype));
      const auto optimizer = make(model);
      for (int step = 0; step < 20; ++step) {
        take_step(model, *optimizer, step);
        const auto expected = golden.find(name + "." + std::to_string(step + 1));
        if (expected != golden.end())
          test::expect_close(model.weight().value(), expected->second, dtype == DType::f64 ? 1e-12 : 2e-5,
                             expected->first);
      }
      EXPECT_EQ(optimizer->steps(), 20);
    }
}

TEST(Optimizer, ResumesToTheSameBits) {
  for (const auto& [name, make] : cases()) {
    Single whole(wave({70}, 1, DType::f32)), part(wave({70}, 1, DType::f32));
    const auto first = make(whole);
    const auto before = make(part);
    for (int step = 0; step < 5; ++step) {
      take_step(whole, *first, step);
      take_step(part, *before, step);
    }
    const auto resumed = make(part);
    std::map<std::string, Tensor> saved;
    before->visit_state([&](const std::string& key, Tensor& t) { saved[key] = t.clone(); });
    resumed->visit_state([&](const std::string& key, Tensor& t) { t.copy_from(saved.at(key)); });
    resumed->set_steps(before->steps());
    for (int step = 5; step < 9; ++step) {
      take_step(whole, *first, step);
      take_step(part, *resumed, step);
    }
    EXPECT_EQ(whole.weight().value().to_vector<float>(), part.weight().value().to_vector<float>()) << name;
  }
}

TEST(Optimizer, NamesItsStateAfterTheParameter) {
  Single model(wave({3}, 1));
  std::vector<std::string> names;
  const auto collect = [&](const std::string& name, Tensor&) { names.push_back(name); };
  make_sgd(model, {})->visit_state(collect);
  make_sgd(model, {.momentum = 0.9})->visit_state(collect);
  make_adam(model, {})->visit_state(collect);
  EXPECT_EQ(names, (std::vector<std::string>{"weight.momentum", "weight.exp_avg", "weight.exp_avg_sq"}));
}

TEST(Optimizer, LeavesAParameterWithoutGradientAlone) {
  Single model(wave({3}, 1));
  make_sgd(model, {.weight_decay = 1})->step(0.1);
  test::expect_close(model.weight().value(), wave({3}, 1).to_vector<double>(), 0, "weight");
}

TEST(Optimizer, DecaysOnlyWhatDecays) {
  Single model(Tensor::full({2}, 1));
  model.weight().decays = false;
  model.weight().set_gradient(Tensor::zeros({2}));
  make_sgd(model, {.weight_decay = 0.5})->step(0.1);
  make_adam(model, {.weight_decay = 0.5, .decoupled = true})->step(0.1);
  EXPECT_EQ(model.weight().value().to_vector<float>(), (std::vector<float>{1, 1}));
}

TEST(Optimizer, RefusesARateThatIsNotANumberAboveZero) {
  Single model(wave({3}, 1));
  for (const auto& [name, make] : cases())
    for (const double rate : {0.0, -0.1, std::nan(""), HUGE_VAL}) EXPECT_THROW(make(model)->step(rate), NumericError);
}

TEST(Optimizer, RefusesSettingsOutsideTheirDomain) {
  Single model(wave({3}, 1));
  EXPECT_THROW(make_sgd(model, {.momentum = 1}), ArgumentError);
  EXPECT_THROW(make_sgd(model, {.momentum = std::nan("")}), ArgumentError);
  EXPECT_THROW(make_sgd(model, {.weight_decay = -1}), ArgumentError);
  EXPECT_THROW(make_sgd(model, {.nesterov = true}), ArgumentError);
  EXPECT_THROW(make_adam(model, {.beta1 = 1}), ArgumentError);
  EXPECT_THROW(make_adam(model, {.epsilon = -1}), ArgumentError);
  EXPECT_THROW(make_adam(model, {.weight_decay = HUGE_VAL}), ArgumentError);
}

TEST(Clip, ScalesToTheLimitAndTellsTheNormBefore) {
  Single model(Tensor::zeros({2}));
  model.weight().set_gradient(Tensor::from(std::vector<float>{3, 4}, {2}));
  EXPECT_DOUBLE_EQ(clip_gradient_norm(model, 10), 5);
  EXPECT_EQ(model.weight().gradient().to_vector<float>(), (std::vector<float>{3, 4}));
  EXPECT_DOUBLE_EQ(clip_gradient_norm(model, 2.5), 5);
  EXPECT_EQ(model.weight().gradient().to_vector<float>(), (std::vector<float>{1.5f, 2}));
}

TEST(Clip, RefusesANormThatIsNotFinite) {
  Single model(Tensor::zeros({1}));
  model.weight().set_gradient(Tensor::from(std::vector<float>{std::nanf("")}, {1}));
  EXPECT_THROW(clip_gradient_norm(model, 1), NumericError);
  EXPECT_THROW(clip_gradient_norm(model, 0), ArgumentError);
}

}  // namespace
}  // namespace pith::nn
