// LeNet-5 and Distiller's SimpleNets.
#include <cmath>

#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/layers/sequential.h"
#include "nn/models/families.h"
#include "tensor/error.h"

namespace pith::nn {
namespace {

/// Builds a chain by name and follows the shape of one image through it, so that any input that fits makes a network.
class Chain {
 public:
  Chain(std::string_view type, const Shape& input)
      : net_(std::make_unique<Sequential>(type)), c_(input[0]), h_(input[1]), w_(input[2]) {}

  Chain& conv(const std::string& name, int64_t out, int64_t kernel, int64_t padding) {
    ConvOptions o;
    o.kernel = {kernel, kernel};
    o.window.padding = {padding, padding};
    net_->add(name, std::make_unique<Conv2d>(c_, out, o));
    c_ = out;
    h_ = window_extent(h_, kernel, 1, padding, 1, name.c_str());
    w_ = window_extent(w_, kernel, 1, padding, 1, name.c_str());
    return *this;
  }
  Chain& relu(const std::string& name) {
    net_->add(name, std::make_unique<ReLU>());
    return *this;
  }
  Chain& max_pool(const std::string& name) {
    net_->add(name, std::make_unique<MaxPool2d>(PoolOptions{.kernel = 2}));
    h_ = window_extent(h_, 2, 2, 0, 1, name.c_str());
    w_ = window_extent(w_, 2, 2, 0, 1, name.c_str());
    return *this;
  }
  Chain& global_pool(const std::string& name) {
    net_->add(name, std::make_unique<GlobalAvgPool>("AvgPool2d"));
    h_ = w_ = 1;
    return *this;
  }
  Chain& linear(const std::string& name, int64_t out) {
    if (!flat_) net_->add("flatten", std::make_unique<Flatten>());
    flat_ = true;
    net_->add(name, std::make_unique<Linear>(c_ * h_ * w_, out));
    c_ = out;
    h_ = w_ = 1;
    return *this;
  }
  std::unique_ptr<Module> done() { return std::move(net_); }

 private:
  std::unique_ptr<Sequential> net_;
  int64_t c_, h_, w_;
  bool flat_ = false;
};

std::unique_ptr<Module> lenet5(const Blueprint& b, int64_t width) {
  Chain net("LeNet5", b.input);
  net.conv("conv1", 6 * width, 5, 2).relu("relu1").max_pool("pool1");
  net.conv("conv2", 16 * width, 5, 0).relu("relu2").max_pool("pool2");
  net.linear("fc1", 120 * width).relu("relu3").linear("fc2", 84 * width).relu("relu4").linear("fc3", b.classes);
  return net.done();
}

}  // namespace

std::unique_ptr<Module> make_lenet5(const Blueprint& b) { return lenet5(b, 1); }
std::unique_ptr<Module> make_lenet5_twice_wide(const Blueprint& b) { return lenet5(b, 2); }

std::unique_ptr<Module> make_simplenet_mnist(const Blueprint& b) {
  Chain net("SimpleNet", b.input);
  net.conv("conv1", 20, 5, 0).relu("relu1").max_pool("pool1").conv("conv2", 50, 5, 0).relu("relu2").max_pool("pool2");
  net.linear("fc1", 500).relu("relu3").linear("fc2", b.classes);
  return net.done();
}

std::unique_ptr<Module> make_simplenet_v2_mnist(const Blueprint& b) {
  Chain net("SimpleNetV2", b.input);
  net.conv("conv1", 20, 5, 0).relu("relu1").max_pool("pool1").conv("conv2", 50, 5, 0).relu("relu2").max_pool("pool2");
  net.global_pool("avgpool").linear("fc", b.classes);
  return net.done();
}

std::unique_ptr<Module> make_simplenet_cifar(const Blueprint& b) {
  Chain net("SimpleNet", b.input);
  net.conv("conv1", 6, 5, 0).relu("relu_conv1").max_pool("pool1");
  net.conv("conv2", 16, 5, 0).relu("relu_conv2").max_pool("pool2");
  net.linear("fc1", 120).relu("relu_fc1").linear("fc2", 84).relu("relu_fc2").linear("fc3", b.classes);
  return net.done();
}

}  // namespace pith::nn
