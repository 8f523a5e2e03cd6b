// Finite differences through whole networks in f64: every parameter tensor, some elements of each.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <optional>

#include "autograd/ops/shape.h"
#include "autograd/ops/softmax_loss.h"
#include "nn/language_model.h"
#include "nn/models.h"
#include "tests/support/golden.h"

namespace pith::nn {
namespace {

using test::wave;

constexpr double kEpsilon = 1e-6, kAbsolute = 1e-5, kRelative = 1e-3;

double loss_at(Parameter& p, int64_t i, double shift, const std::function<Variable()>& loss) {
  double& w = p.mutable_value().mutable_data<double>()[i];
  const double before = w;
  w = before + shift;
  const NoGradient inference;
  const double value = loss().value().item();
  w = before;
  return value;
}

/// The slope along element i, or nothing where the slopes on both sides differ: a ReLU or a pooling turned over
/// between.
std::optional<double> slope_at(Parameter& p, int64_t i, const std::function<Variable()>& loss) {
  const double below = loss_at(p, i, -kEpsilon, loss), here = loss_at(p, i, 0, loss),
               above = loss_at(p, i, kEpsilon, loss);
  const double left = (here - below) / kEpsilon, right = (above - here) / kEpsilon;
  if (std::abs(left - right) > kAbsolute + kRelative * std::abs(right)) return std::nullopt;
  return (above - below) / (2 * kEpsilon);
}

/// Which elements are tried: `per_tensor` of every `every`-th parameter, evenly spread.
struct Sample {
  int64_t per_tensor = 1, every = 1;
};

void check_gradients(Module& model, const std::function<Variable()>& loss, const Sample& sample) {
  model.clear_gradients();
  loss().backward();
  int64_t place = 0, smooth = 0, tried = 0;
  model.visit_parameters([&](const std::string& name, Parameter& p) {
    if (place++ % sample.every != 0) return;
    ASSERT_TRUE(p.gradient().defined()) << name;
    const std::vector<double> gradient = p.gradient().to_vector<double>();
    for (int64_t k = 0; k < sample.per_tensor; ++k, ++tried) {
      const int64_t i = (2 * k + 1) * p.value().numel() / (2 * sample.per_tensor);
      const std::optional<double> slope = slope_at(p, i, loss);
      if (!slope) continue;
      ++smooth;
      EXPECT_NEAR(gradient[static_cast<size_t>(i)], *slope, kAbsolute + kRelative * std::abs(*slope))
          << name << " " << i;
    }
  });
  EXPECT_GE(smooth, tried - tried / 10);  // turnovers are rare
}

void check_image_model(const std::string& name, int64_t extent, int64_t every = 1) {
  const auto model = make_model(name, {.classes = 4, .input = {2, extent, extent}, .seed = 5});
  model->convert(DType::f64);
  const Variable x(wave({3, 2, extent, extent}, 1));
  const Tensor labels = Tensor::from(std::vector<int32_t>{0, 3, 1}, {3});
  check_gradients(*model, [&] { return softmax_cross_entropy(model->call(x), labels); }, {.every = every});
}

TEST(WholeGradient, PassesThroughAResidualNetwork) { check_image_model("resnet20-cifar", 8, 2); }
TEST(WholeGradient, PassesThroughAPreactivationNetwork) { check_image_model("preact-resnet20-cifar", 8, 2); }
TEST(WholeGradient, PassesThroughInceptionJoins) { check_image_model("googlenet-cifar", 8, 8); }
TEST(WholeGradient, PassesThroughLeNet) { check_image_model("lenet5", 14); }

TEST(WholeGradient, PassesThroughALanguageModel) {
  for (const bool tied : {false, true}) {
    const auto model =
        make_language_model({.words = 7, .embedding = 5, .hidden = 5, .layers = 2, .dropout = 0.3, .tied = tied}, 4);
    model->convert(DType::f64);
    std::vector<int32_t> words, labels;
    for (int32_t i = 0; i < 12; ++i) {
      words.push_back(3 * i % 7);
      labels.push_back((2 * i + 1) % 7);
    }
    const Variable x(Tensor::from(words, {4, 3}));
    const auto loss = [&] {
      model->reset_state();
      seed_dropout(*model, 9, 0);  // the same mask every time
      return softmax_cross_entropy(reshape(model->call(x), {12, 7}), Tensor::from(labels, {12}));
    };
    check_gradients(*model, loss, {.per_tensor = 4});
  }
}

}  // namespace
}  // namespace pith::nn
