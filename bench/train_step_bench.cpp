// One training step - forward, backward, SGD with momentum - of the networks that PyTorch is measured on beside it
// (bench/torch_rival.py, scripts/compare_torch).
#include "autograd/ops/softmax_loss.h"
#include "bench/network_case.h"
#include "nn/optim/optimizer.h"

namespace pith::bench {
namespace {

void train_step(benchmark::State& state, const std::string& name, int64_t batch) {
  NetworkCase c = make_case(name, batch);
  nn::SgdOptions options;
  options.momentum = 0.9;
  options.weight_decay = 1e-4;
  const auto optimizer = nn::make_sgd(*c.model, options);
  const auto step = [&] {
    const Variable loss = softmax_cross_entropy(c.model->call(Variable(c.images)), c.labels);
    loss.backward();
    optimizer->step(0.01);
    c.model->clear_gradients();
    benchmark::DoNotOptimize(loss.value());
  };
  // The pool is empty at first; a training run pays for that once.
  for (int i = 0; i < 3; ++i) step();
  for (auto _ : state) step();
}

void add_train_step(const std::string& name, int64_t batch) {
  add("train/" + name, batch, [=](benchmark::State& state) { train_step(state, name, batch); });
}

const bool registered = [] {
  add_train_step("resnet20-cifar", 128);
  add_train_step("resnet20-cifar", 32);
  add_train_step("lenet5", 64);
  return true;
}();

}  // namespace
}  // namespace pith::bench
