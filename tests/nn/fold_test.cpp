#include "nn/fold.h"

#include <gtest/gtest.h>

#include "nn/layers/conv2d.h"
#include "nn/models.h"
#include "nn/models/basic_block.h"
#include "tests/support/golden.h"

namespace pith::nn {
namespace {

using test::expect_close;
using test::wave;

/// Batch norm that does something: every tensor of it drawn, variances above 0.
void disturb(Module& model) {
  double phase = 0;
  const auto drawn = [&](const Shape& s, DType dtype, double least) {
    Tensor t = wave(s, ++phase);
    for (int64_t i = 0; i < t.numel(); ++i) t.mutable_data<double>()[i] = 0.5 * t.mutable_data<double>()[i] + least;
    return t.to(dtype);
  };
  model.visit_parameters([&](const std::string&, Parameter& p) {
    if (p.shape().rank() == 1) p.load(drawn(p.shape(), p.value().dtype(), 0.7));
  });
  model.visit_buffers([&](const std::string&, Tensor& b) { b = drawn(b.shape(), b.dtype(), 0.7); });
}

TEST(Fold, ComputesTheSameFunction) {
  for (const auto& [name, folds] : std::vector<std::pair<std::string, int64_t>>{{"resnet20-cifar", 21},
                                                                                {"plain20-cifar", 19},
                                                                                {"preact-resnet20-cifar", 9},
                                                                                {"googlenet-cifar", 55},
                                                                                {"mobilenet-cifar", 27},
                                                                                {"lenet5", 0}})
    for (const DType dtype : {DType::f32, DType::f64}) {
      const ModelOptions options{.input = {3, 16, 16}};
      const auto plain = make_model(name, options), folded = make_model(name, options);
      for (Module* const m : {plain.get(), folded.get()}) {
        m->convert(dtype);
        disturb(*m);
        m->set_training(false);
      }
      EXPECT_EQ(fold_batch_norm(*folded), folds) << name;
      EXPECT_EQ(fold_batch_norm(*folded), 0) << name;
      const NoGradient inference;
      const Variable x(wave({2, 3, 16, 16}, 3, dtype));
      expect_close(folded->call(x).value(), plain->call(x).value().to_vector<double>(),
                   dtype == DType::f64 ? 1e-9 : 1e-3, name);
    }
}

TEST(Fold, FollowsItsFormula) {
  Sequential net;
  Conv2d& conv = net.add(std::make_unique<Conv2d>(1, 2, square(1)));
  BatchNorm2d& norm = net.add(std::make_unique<BatchNorm2d>(2, NormOptions{.momentum = 0.1, .epsilon = 0}));
  conv.weight().load(Tensor::from(std::vector<float>{3, 5}, {2, 1, 1, 1}));
  norm.weight().load(Tensor::from(std::vector<float>{2, 1}, {2}));
  norm.bias().load(Tensor::from(std::vector<float>{7, 0}, {2}));
  norm.running_mean() = Tensor::from(std::vector<float>{1, 4}, {2});
  norm.running_var() = Tensor::from(std::vector<float>{16, 0.25f}, {2});
  EXPECT_EQ(fold_batch_norm(net), 1);
  EXPECT_EQ(conv.weight().value().to_vector<float>(), (std::vector<float>{1.5f, 10}));
  EXPECT_EQ(conv.bias()->value().to_vector<float>(), (std::vector<float>{6.5f, -8}));
  EXPECT_FALSE(net.training());
}

TEST(Fold, KeepsPrunedWeightsAtZero) {
  BasicBlock block({4, 4, 1});
  std::shared_ptr<const Mask> mask;
  block.visit_parameters([&](const std::string& name, Parameter& p) {
    p.load(Tensor::full(p.shape(), 1));
    if (name != "conv1.weight") return;
    mask = std::make_shared<const Mask>(Mask::from(Tensor::from(std::vector<uint8_t>(144, 0), p.shape())));
    p.set_mask(mask);
  });
  fold_batch_norm(block);
  block.visit_parameters([&](const std::string& name, Parameter& p) {
    if (name == "conv1.weight") {
      EXPECT_TRUE(is_zero_where_pruned(*mask, p.value()));
    }
  });
}

}  // namespace
}  // namespace pith::nn
