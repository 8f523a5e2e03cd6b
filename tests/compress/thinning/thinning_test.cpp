// Thin networks against the masked ones that they come from: outputs on random graphs, counts worked out by hand.
#include "compress/thinning/thinning.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "nn/checkpoint.h"
#include "nn/compute.h"
#include "nn/early_exit.h"
#include "nn/layers/linear.h"
#include "nn/layers/lstm.h"
#include "nn/layers/pool.h"
#include "nn/layers/sequential.h"
#include "nn/models.h"
#include "tensor/error.h"
#include "tensor/random.h"
#include "tests/support/files.h"
#include "tests/support/joined_layers.h"

namespace pith::compress {
namespace {

using nn::Sequential;
using test::Branches;
using test::Residual;

nn::ConvOptions conv(int64_t kernel, int64_t padding, bool bias, int64_t groups = 1) {
  nn::ConvOptions o = nn::square(kernel, 1, bias);
  o.window.padding = {padding, padding};
  o.window.groups = groups;
  return o;
}

class Graphs {
 public:
  explicit Graphs(uint32_t seed) : random_(seed) {}

  int64_t below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint32_t>(n)); }
  bool chance(int percent) { return below(100) < percent; }

  /// Images [3, 6, 6] -> [5].
  std::unique_ptr<Sequential> network() {
    auto net = std::make_unique<Sequential>();
    int64_t width = 2 + below(6), extent = 6;
    append(*net, 3, width, 3, 1);
    for (int64_t blocks = 1 + below(3); blocks > 0; --blocks) width = block(*net, width);
    if (chance(40)) net->add(std::make_unique<nn::MaxPool2d>(nn::PoolOptions{})), extent = 3;
    if (chance(50)) net->add(std::make_unique<nn::GlobalAvgPool>()), extent = 1;
    net->add(std::make_unique<nn::Flatten>());
    net->add(std::make_unique<nn::Linear>(width * extent * extent, 5));
    return net;
  }

  /// Trained-looking numbers everywhere, then masks over whole filters, channels or single weights.
  void fill(nn::Module& net, int percent) {
    uint32_t item = 0;
    net.visit_parameters([&](const std::string&, nn::Parameter& p) {
      Tensor value = Tensor::empty(p.shape());
      fill_normal(value, 0, p.shape().rank() > 1 ? 0.4 : 1.0, {.seed = random_(), .item = item++});
      p.load(value);
    });
    net.visit_buffers([&](const std::string& name, Tensor& b) {
      Tensor value = Tensor::empty(b.shape());
      fill_uniform(value, name.ends_with("var") ? 0.5 : -1.0, 1.5, {.seed = random_(), .item = item++});
      b = value;
    });
    net.visit_parameters([&](const std::string&, nn::Parameter& p) {
      if (p.shape().rank() > 1 && chance(80)) p.set_mask(mask(p.shape(), percent));
    });
  }

  std::shared_ptr<const Mask> mask(const Shape& shape, int percent) {
    const int64_t each = shape.numel() / (shape[0] * shape[1]);
    std::vector<uint8_t> keep(static_cast<size_t>(shape.numel()), 1);
    const int kind = static_cast<int>(below(4));  // filters twice as often
    std::vector<bool> goes(static_cast<size_t>(std::max(shape[0], shape[1])));
    for (size_t i = 0; i < goes.size(); ++i) goes[i] = chance(percent);
    for (int64_t i = 0; i < shape.numel(); ++i) {
      const int64_t filter = i / (shape[1] * each), channel = i / each % shape[1];
      const bool gone = kind == 3 ? chance(percent) : goes[static_cast<size_t>(kind == 2 ? channel : filter)];
      if (gone) keep[static_cast<size_t>(i)] = 0;
    }
    return std::make_shared<const Mask>(Mask::from(Tensor::from(keep, shape)));
  }

 private:
  void append(Sequential& net, int64_t in, int64_t out, int64_t kernel, int64_t padding, int64_t groups = 1) {
    const bool normalizes = chance(75);
    net.add(std::make_unique<nn::Conv2d>(in, out, conv(kernel, padding, !normalizes || chance(30), groups)));
    if (normalizes) net.add(std::make_unique<nn::BatchNorm2d>(out));
    if (chance(80))
      net.add(std::make_unique<nn::ReLU>());
    else if (chance(30))
      net.add(std::make_unique<nn::Sigmoid>());
  }

  int64_t block(Sequential& net, int64_t width) {
    switch (below(5)) {
      case 0: {  // plain
        const int64_t out = 1 + below(8);
        const int64_t kernel = chance(50) ? 3 : 1;
        append(net, width, out, kernel, kernel / 2);
        return out;
      }
      case 1: {  // residual
        auto body = std::make_unique<Sequential>();
        const int64_t middle = 1 + below(6);
        append(*body, width, middle, 3, 1);
        append(*body, middle, width, 3, 1);
        net.add(std::make_unique<Residual>(std::move(body), chance(50)));
        return width;
      }
      case 2: {  // side by side
        auto a = std::make_unique<Sequential>(), b = std::make_unique<Sequential>();
        const int64_t left = 1 + below(4), right = 1 + below(4);
        append(*a, width, left, 3, 1);
        append(*b, width, right, 1, 0);
        net.add(std::make_unique<Branches>(std::move(a), std::move(b)));
        return left + right;
      }
      case 3: {  // depthwise, pointwise
        const int64_t out = 1 + below(8);
        append(net, width, width, 3, 1, width);
        append(net, width, out, 1, 0);
        return out;
      }
      default: {  // preact
        auto body = std::make_unique<Sequential>();
        const int64_t middle = 1 + below(6);
        body->add(std::make_unique<nn::BatchNorm2d>(width));
        body->add(std::make_unique<nn::ReLU>());
        append(*body, width, middle, 3, 1);
        body->add(std::make_unique<nn::Conv2d>(middle, width, conv(3, 1, false)));
        net.add(std::make_unique<Residual>(std::move(body), false));
        return width;
      }
    }
  }

  std::mt19937 random_;
};

std::vector<float> outputs(nn::Module& net, const Shape& image) {
  Tensor x = Tensor::empty({3, image[0], image[1], image[2]});
  fill_normal(x, 0, 1, {.seed = 9});
  net.set_training(false);
  const NoGradient inference;
  return net.call(Variable(x)).value().to_vector<float>();
}

int64_t macs(nn::Module& net, const Shape& image) {
  int64_t total = 0;
  for (const nn::LayerCompute& row : nn::compute_table(net, image)) total += row.macs;
  return total;
}

TEST(Thinning, LeavesWhatRandomNetworksCompute) {
  const Shape image{3, 6, 6};
  int64_t smaller = 0, fewer_macs = 0;
  for (uint32_t seed = 0; seed < 1000; ++seed) {
    Graphs graphs(seed);
    const auto net = graphs.network();
    graphs.fill(*net, 20 + static_cast<int>(seed % 60));
    const std::vector<float> masked = outputs(*net, image);
    const int64_t before = net->parameter_count(), work = macs(*net, image);
    const Thinning thinning = thin(*net, image);
    const std::vector<float> thinned = outputs(*net, image);
    float largest = 0;
    for (const float y : masked) largest = std::max(largest, std::abs(y));
    for (size_t i = 0; i < masked.size(); ++i)
      ASSERT_NEAR(thinned[i], masked[i], 1e-5F * largest) << "seed " << seed << " output " << i;
    EXPECT_EQ(thinning.kept.empty(), net->parameter_count() == before) << "seed " << seed;
    smaller += net->parameter_count() < before;
    fewer_macs += macs(*net, image) < work;
  }
  EXPECT_GT(smaller, 700);  // the test would prove nothing where nothing is taken away
  EXPECT_GT(fewer_macs, 700);
}

TEST(Thinning, ComesToAnEndAtOnce) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    Graphs graphs(seed);
    const auto net = graphs.network();
    graphs.fill(*net, 50);
    thin(*net, {3, 6, 6});
    const int64_t count = net->parameter_count();
    const std::vector<float> before = outputs(*net, {3, 6, 6});
    thin(*net, {3, 6, 6});
    EXPECT_EQ(net->parameter_count(), count) << "seed " << seed;
    const std::vector<float> after = outputs(*net, {3, 6, 6});
    for (size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(after[i], before[i], 1e-4) << "seed " << seed;
  }
}

/// Fresh layers hold zeros; ones make every filter count.
void fill_with_ones(nn::Module& net) {
  net.visit_parameters([](const std::string& name, nn::Parameter& p) {
    if (!name.ends_with("bias")) p.load(Tensor::full(p.shape(), 1));
  });
}

/// Prunes these filters (axis 0) or channels (axis 1) of a weight.
void prune(nn::Module& net, const std::string& weight, int axis, const std::vector<int64_t>& places) {
  net.visit_parameters([&](const std::string& name, nn::Parameter& p) {
    if (name != weight) return;
    Tensor keep = Tensor::full(p.shape(), 1, DType::u8);
    for (const int64_t place : places) {
      Tensor part = keep.narrow(axis, place, 1);
      part.fill(0);
    }
    p.set_mask(std::make_shared<const Mask>(Mask::from(keep, axis == 0 ? Granularity::filter : Granularity::channel)));
  });
}

/// A network, what is pruned, and what is left, worked out by hand.
struct Count {
  const char* what;
  std::function<std::unique_ptr<nn::Module>()> make;
  std::function<void(nn::Module&)> prune;
  Shape image;
  int64_t parameters, macs;
};

std::unique_ptr<Sequential> stack(int64_t in, int64_t middle, int64_t out) {
  auto net = std::make_unique<Sequential>();
  net->add(std::make_unique<nn::Conv2d>(in, middle, nn::square(3)));
  net->add(std::make_unique<nn::BatchNorm2d>(middle));
  net->add(std::make_unique<nn::ReLU>());
  net->add(std::make_unique<nn::Conv2d>(middle, out, nn::square(3)));
  return net;
}

std::unique_ptr<nn::Module> residual_net() {
  auto net = std::make_unique<Sequential>();
  net->add(std::make_unique<nn::Conv2d>(3, 4, nn::square(1)));  // 0
  net->add(std::make_unique<Residual>(stack(4, 6, 4), true));   // 1.body.0, .1, .3
  net->add(std::make_unique<nn::Conv2d>(4, 2, nn::square(1)));  // 2
  return net;
}

std::unique_ptr<nn::Module> branched_net() {
  auto a = std::make_unique<Sequential>(), b = std::make_unique<Sequential>();
  a->add(std::make_unique<nn::Conv2d>(2, 3, nn::square(1)));
  b->add(std::make_unique<nn::Conv2d>(2, 5, nn::square(3)));
  auto net = std::make_unique<Sequential>();
  net->add(std::make_unique<Branches>(std::move(a), std::move(b)));  // 0.a.0, 0.b.0
  net->add(std::make_unique<nn::Conv2d>(8, 2, nn::square(1)));       // 1
  return net;
}

std::unique_ptr<nn::Module> separable_net() {
  auto net = std::make_unique<Sequential>();
  net->add(std::make_unique<nn::Conv2d>(1, 6, nn::square(1)));         // 0
  net->add(std::make_unique<nn::Conv2d>(6, 6, conv(3, 1, false, 6)));  // 1, depthwise
  net->add(std::make_unique<nn::Conv2d>(6, 4, nn::square(1)));         // 2
  return net;
}

std::unique_ptr<nn::Module> flat_net() {
  auto net = std::make_unique<Sequential>();
  net->add(std::make_unique<nn::Conv2d>(1, 5, nn::square(3, 1, true)));  // 0
  net->add(std::make_unique<nn::ReLU>());
  net->add(std::make_unique<nn::MaxPool2d>(nn::PoolOptions{}));
  net->add(std::make_unique<nn::Flatten>());
  net->add(std::make_unique<nn::Linear>(5 * 2 * 2, 7));  // 4
  net->add(std::make_unique<nn::ReLU>());
  net->add(std::make_unique<nn::Linear>(7, 3));  // 6
  return net;
}

const std::vector<Count>& counts() {
  static const std::vector<Count> all{
      {"two of eight filters of a plain pair: 6 x 3 x 9 + 2 x 6 + 5 x 6 x 9",
       [] { return std::unique_ptr<nn::Module>(stack(3, 8, 5)); },
       [](nn::Module& m) {
         prune(m, "0.weight", 0, {1, 6});
       },
       {3, 4, 4},
       162 + 12 + 270,
       (162 + 270) * 16},
      {"channels of the second convolution take the filters of the first along",
       [] { return std::unique_ptr<nn::Module>(stack(3, 8, 5)); },
       [](nn::Module& m) {
         prune(m, "3.weight", 1, {0, 2, 5});
       },
       {3, 4, 4},
       5 * 27 + 10 + 5 * 45,
       (135 + 225) * 16},
      {"nothing",
       [] { return std::unique_ptr<nn::Module>(stack(3, 8, 5)); },
       [](nn::Module&) {},
       {3, 4, 4},
       216 + 16 + 360,
       (216 + 360) * 16},
      {"outputs of the network stay",
       [] { return std::unique_ptr<nn::Module>(stack(3, 8, 5)); },
       [](nn::Module& m) {
         prune(m, "3.weight", 0, {0, 1});
       },
       {3, 4, 4},
       216 + 16 + 360,
       (216 + 360) * 16},
      {"every filter: one stays",
       [] { return std::unique_ptr<nn::Module>(stack(3, 8, 5)); },
       [](nn::Module& m) {
         prune(m, "0.weight", 0, {0, 1, 2, 3, 4, 5, 6, 7});
       },
       {3, 4, 4},
       27 + 2 + 45,
       (27 + 45) * 16},
      {"inside of a residual block: 4 x 3, body 4 x 4 x 9 + 2 x 4 + 4 x 4 x 9, 2 x 4",
       residual_net,
       [](nn::Module& m) {
         prune(m, "1.body.0.weight", 0, {0, 5});
       },
       {3, 4, 4},
       12 + 144 + 8 + 144 + 8,
       (12 + 144 + 144 + 8) * 16},
      {"a residual sum: only what both sides prune (channel 2)",
       residual_net,
       [](nn::Module& m) {
         prune(m, "0.weight", 0, {1, 2});
         prune(m, "1.body.3.weight", 0, {2, 3});
       },
       {3, 4, 4},
       9 + 6 * 3 * 9 + 12 + 3 * 6 * 9 + 6,
       (9 + 162 + 162 + 6) * 16},
      {"side by side: one of a's three, two of b's five",
       branched_net,
       [](nn::Module& m) {
         prune(m, "0.a.0.weight", 0, {0});
         prune(m, "0.b.0.weight", 0, {1, 4});
       },
       {2, 4, 4},
       4 + 3 * 2 * 9 + 2 * 5,
       (4 + 54 + 10) * 16},
      {"a depthwise filter and another channel's maker: both channels go everywhere",
       separable_net,
       [](nn::Module& m) {
         prune(m, "1.weight", 0, {3});
         prune(m, "0.weight", 0, {5});
       },
       {1, 4, 4},
       4 + 4 * 9 + 4 * 4,
       (4 + 36 + 16) * 16},
      {"flattening: a filter takes its four features, a hidden feature its row and column",
       flat_net,
       [](nn::Module& m) {
         prune(m, "0.weight", 0, {2});
         prune(m, "4.weight", 0, {0, 6});
       },
       {1, 4, 4},
       4 * 9 + 4 + 5 * 16 + 5 + 3 * 5 + 3,
       36 * 16 + 80 + 15},
  };
  return all;
}

TEST(Thinning, LeavesTheCountsWorkedOutByHand) {
  for (const Count& c : counts()) {
    const auto net = c.make();
    fill_with_ones(*net);
    c.prune(*net);
    thin(*net, c.image);
    EXPECT_EQ(net->parameter_count(), c.parameters) << c.what;
    EXPECT_EQ(macs(*net, c.image), c.macs) << c.what;
  }
}

TEST(Thinning, KeepsEveryNetworkOfTheRegistryWhatItIs) {
  for (const char* const name : {"resnet20-cifar", "preact-resnet20-cifar", "plain20-cifar", "googlenet-cifar",
                                 "mobilenet-cifar", "simplenet-cifar", "vgg11-cifar"}) {
    const auto net = nn::make_model(name, {.seed = 3});
    Graphs graphs(5);
    net->visit_parameters([&](const std::string&, nn::Parameter& p) {
      if (p.shape().rank() != 4) return;
      std::vector<uint8_t> keep(static_cast<size_t>(p.value().numel()), 1);
      const size_t each = keep.size() / static_cast<size_t>(p.shape()[0]);
      for (size_t k = 0; k * each < keep.size(); ++k)
        if (graphs.chance(30)) std::fill_n(keep.begin() + static_cast<std::ptrdiff_t>(k * each), each, uint8_t{0});
      p.set_mask(std::make_shared<const Mask>(Mask::from(Tensor::from(keep, p.shape()), Granularity::filter)));
    });
    const Shape image{3, 32, 32};
    const std::vector<float> masked = outputs(*net, image);
    const int64_t before = net->parameter_count();
    thin(*net, image);
    EXPECT_LT(net->parameter_count(), before) << name;
    const std::vector<float> thinned = outputs(*net, image);
    float largest = 0;
    for (const float y : masked) largest = std::max(largest, std::abs(y));
    for (size_t i = 0; i < masked.size(); ++i) ASSERT_NEAR(thinned[i], masked[i], 1e-5F * largest) << name;
  }
}

TEST(Thinning, KeepsEveryAnswerOfANetworkWithExits) {
  const auto net = nn::make_model("resnet20-cifar-earlyexit", {.seed = 2});
  Graphs graphs(8);
  graphs.fill(*net, 0);
  net->visit_parameters([](const std::string&, nn::Parameter& p) { p.set_mask(nullptr); });
  for (const char* weight : {"conv1", "layer1.0.conv2", "layer1.1.conv2", "layer1.2.conv2"})
    prune(*net, std::string(weight) + ".weight", 0, {0, 1, 3, 5, 6, 8, 9, 11, 14});  // what the first exit reads
  prune(*net, "layer2.0.conv1.weight", 0, {0, 9});
  Tensor x = Tensor::empty({3, 3, 32, 32});
  fill_normal(x, 0, 1, {.seed = 9});
  net->set_training(false);
  const NoGradient inference;
  const std::vector<Variable> masked = nn::answers_of(*net, Variable(x));
  const Thinning thinning = thin(*net, {3, 32, 32});
  EXPECT_TRUE(thinning.kept.contains("exit1.fc.weight"));
  const std::vector<Variable> thinned = nn::answers_of(*net, Variable(x));
  for (size_t i = 0; i < 3; ++i) {
    const std::vector<float> a = masked[i].value().to_vector<float>(), b = thinned[i].value().to_vector<float>();
    float largest = 0;
    for (const float y : a) largest = std::max(largest, std::abs(y));
    for (size_t k = 0; k < a.size(); ++k) EXPECT_NEAR(b[k], a[k], 1e-5F * largest) << i;
  }
}

TEST(Thinning, TakesTheOptimizersStateAlong) {
  auto net = stack(3, 8, 5);
  fill_with_ones(*net);
  const auto sgd = nn::make_sgd(*net, {.momentum = 0.9});
  net->visit_parameters([](const std::string& name, nn::Parameter& p) {
    Tensor gradient = Tensor::zeros(p.shape());  // none for the bias: what is constant stays 0
    if (name != "1.bias") fill_normal(gradient, 0, 1, {.seed = 2});
    p.set_gradient(gradient);
  });
  sgd->step(0.1);
  prune(*net, "0.weight", 0, {1, 6});
  sgd->visit_state([](const std::string& name, Tensor& state) {
    if (name == "3.weight.momentum") {
      EXPECT_EQ(state.shape(), (Shape{5, 8, 3, 3}));
    }
  });
  thin(*net, {3, 4, 4}, sgd.get());
  int64_t seen = 0;
  sgd->visit_state([&](const std::string& name, Tensor& state) {
    if (name != "3.weight.momentum") return;
    ++seen;
    EXPECT_EQ(state.shape(), (Shape{5, 6, 3, 3}));
  });
  EXPECT_EQ(seen, 1);
  net->visit_parameters([](const std::string&, nn::Parameter& p) { p.set_gradient(Tensor::full(p.shape(), 1)); });
  sgd->step(0.1);  // shapes fit
}

TEST(Thinning, ComesBackFromACheckpoint) {
  const test::TemporaryDirectory folder;
  const auto net = nn::make_model("mobilenet-cifar", {.seed = 3});
  Graphs graphs(11);
  net->visit_parameters([&](const std::string&, nn::Parameter& p) {
    if (p.shape().rank() == 4) p.set_mask(graphs.mask(p.shape(), 40));
  });
  thin(*net, {3, 32, 32});
  nn::save_checkpoint(folder.file("thin.safetensors"), *net, nullptr, nullptr);
  const auto fresh = nn::make_model("mobilenet-cifar");
  nn::load_weights(folder.file("thin.safetensors"), *fresh);
  EXPECT_EQ(fresh->parameter_count(), net->parameter_count());
  EXPECT_EQ(outputs(*fresh, {3, 32, 32}), outputs(*net, {3, 32, 32}));
  nn::save_checkpoint(folder.file("again.safetensors"), *fresh, nullptr, nullptr);
  EXPECT_EQ(test::read_bytes(folder.file("again.safetensors")), test::read_bytes(folder.file("thin.safetensors")));
}

TEST(Thinning, RefusesWhatItDoesNotKnowAndChangesNothing) {
  auto net = std::make_unique<Sequential>();
  net->add(std::make_unique<nn::Conv2d>(1, 4, nn::square(3)));
  net->add(std::make_unique<nn::Flatten>());
  net->add(std::make_unique<nn::Linear>(64, 3));
  net->add(std::make_unique<nn::Softmax>());
  prune(*net, "0.weight", 0, {1});
  try {
    thin(*net, {1, 4, 4});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("Softmax 3"), std::string::npos) << error.what();
  }
  EXPECT_EQ(net->parameter_count(), 36 + 195);
}

}  // namespace
}  // namespace pith::compress
