#include "nn/module.h"

#include <gtest/gtest.h>

#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/layers/sequential.h"
#include "nn/models.h"
#include "tests/support/golden.h"

namespace pith::nn {
namespace {

using test::wave;

/// body: Sequential{0: Conv2d, 1: BatchNorm2d, 2: ReLU, 3: MaxPool2d, 4: Flatten, 5: Linear}.
std::unique_ptr<Sequential> make_small() {
  auto body = std::make_unique<Sequential>();
  body->add(std::make_unique<Conv2d>(2, 3, square(3)));
  body->add(std::make_unique<BatchNorm2d>(3));
  body->add(std::make_unique<ReLU>());
  body->add(std::make_unique<MaxPool2d>(PoolOptions{.kernel = 2}));
  body->add(std::make_unique<Flatten>());
  body->add(std::make_unique<Linear>(3 * 2 * 2, 4));
  auto net = std::make_unique<Sequential>("Small");
  net->add("body", std::move(body));
  double phase = 0;
  net->visit_parameters([&](const std::string&, Parameter& p) { p.load(wave(p.shape(), ++phase)); });
  return net;
}

TEST(Module, VisitsEverythingDepthFirstWithDottedNames) {
  std::vector<std::string> parameters, buffers, modules;
  const auto net = make_small();
  net->visit_parameters([&](const std::string& name, Parameter&) { parameters.push_back(name); });
  net->visit_buffers([&](const std::string& name, Tensor&) { buffers.push_back(name); });
  net->visit_modules(
      [&](const std::string& name, Module& m) { modules.push_back(name + ":" + std::string(m.type())); });
  EXPECT_EQ(parameters, (std::vector<std::string>{"body.0.weight", "body.1.weight", "body.1.bias", "body.5.weight",
                                                  "body.5.bias"}));
  EXPECT_EQ(buffers, (std::vector<std::string>{"body.1.running_mean", "body.1.running_var"}));
  EXPECT_EQ(modules, (std::vector<std::string>{":Small", "body:Sequential", "body.0:Conv2d", "body.1:BatchNorm2d",
                                               "body.2:ReLU", "body.3:MaxPool2d", "body.4:Flatten", "body.5:Linear"}));
  EXPECT_EQ(net->parameter_count(), 3 * 2 * 9 + 3 + 3 + 4 * 12 + 4);
}

TEST(Module, ShowsEveryLayerToATapInTheOrderOfItsCalls) {
  const auto net = make_small();
  std::vector<std::string> seen;
  net->set_tap(std::make_shared<const Tap>([&](const std::string& name, Module&, const Variable& x, const Variable& y) {
    seen.push_back(name + " " + text(x.shape()) + " -> " + text(y.shape()));
  }));
  net->call(Variable(wave({2, 2, 4, 4}, 0, DType::f32)));
  EXPECT_EQ(seen,
            (std::vector<std::string>{"body.0 [2, 2, 4, 4] -> [2, 3, 4, 4]", "body.1 [2, 3, 4, 4] -> [2, 3, 4, 4]",
                                      "body.2 [2, 3, 4, 4] -> [2, 3, 4, 4]", "body.3 [2, 3, 4, 4] -> [2, 3, 2, 2]",
                                      "body.4 [2, 3, 2, 2] -> [2, 12]", "body.5 [2, 12] -> [2, 4]",
                                      "body [2, 2, 4, 4] -> [2, 4]", " [2, 2, 4, 4] -> [2, 4]"}));
  net->set_tap(nullptr);
  seen.clear();
  net->call(Variable(wave({2, 2, 4, 4}, 0, DType::f32)));
  EXPECT_TRUE(seen.empty());
}

TEST(Module, ComputesTheSameWithAndWithoutATap) {
  for (const bool training : {true, false}) {
    const auto fused = make_small(), watched = make_small();
    double least = 1;
    watched->set_tap(
        std::make_shared<const Tap>([&](const std::string& name, Module&, const Variable&, const Variable& y) {
          if (name == "body.1")  // what ReLU would have hidden
            for (const double v : y.value().to_vector<double>()) least = std::min(least, v);
        }));
    fused->set_training(training);
    watched->set_training(training);
    const Variable x(wave({3, 2, 4, 4}, 5, DType::f32));
    test::expect_close(fused->call(x).value(), watched->call(x).value().to_vector<double>(), 1e-5, "output");
    EXPECT_LT(least, 0);
  }
}

TEST(Module, NamesTheLayerOfAnAnomaly) {
  const auto net = make_small();
  net->visit_parameters([&](const std::string& name, Parameter& p) {
    if (name == "body.5.bias") p.load(Tensor::full(p.shape(), std::nan("")));
  });
  const DetectAnomaly watch;
  try {
    net->call(Variable(wave({2, 2, 4, 4}, 0, DType::f32)));
    FAIL() << "threw nothing";
  } catch (const std::exception& e) {
    EXPECT_NE(std::string(e.what()).find("layer body.5"), std::string::npos) << e.what();
  }
}

TEST(Module, SwitchesTrainingBelow) {
  const auto net = make_small();
  net->set_training(false);
  net->visit_modules([](const std::string& name, Module& m) { EXPECT_FALSE(m.training()) << name; });
}

TEST(Module, ForgetsAllGradients) {
  const auto net = make_small();
  const Variable y = net->call(Variable(wave({2, 2, 4, 4}, 0, DType::f32)));
  y.backward(Tensor::full(y.shape(), 1));
  net->visit_parameters([](const std::string& name, Parameter& p) { EXPECT_TRUE(p.gradient().defined()) << name; });
  net->clear_gradients();
  net->visit_parameters([](const std::string& name, Parameter& p) { EXPECT_FALSE(p.gradient().defined()) << name; });
}

TEST(Module, ConvertsParametersAndBuffers) {
  const auto net = make_small();
  net->convert(DType::f64);
  net->visit_parameters([](const std::string&, Parameter& p) { EXPECT_EQ(p.value().dtype(), DType::f64); });
  net->visit_buffers([](const std::string&, Tensor& b) { EXPECT_EQ(b.dtype(), DType::f64); });
  EXPECT_EQ(net->call(Variable(wave({2, 2, 4, 4}, 0))).value().dtype(), DType::f64);
}

TEST(Module, ListsSequentialChildrenByNameOrPosition) {
  Sequential net;
  net.add("first", std::make_unique<ReLU>());
  net.add(std::make_unique<ReLU>());
  net.add(std::make_unique<ReLU>());
  std::vector<std::string> names;
  net.visit_modules([&](const std::string& name, Module&) { names.push_back(name); });
  EXPECT_EQ(names, (std::vector<std::string>{"", "first", "0", "1"}));
}

}  // namespace
}  // namespace pith::nn
