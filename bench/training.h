// A training step as the benchmarks take it: forward, backward, SGD with momentum.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "autograd/ops/softmax_loss.h"
#include "bench/network_case.h"
#include "nn/optim/optimizer.h"

namespace pith::bench {

/// A network in training.
struct Training {
  NetworkCase net;
  std::unique_ptr<nn::Optimizer> optimizer;

  Training(const std::string& name, int64_t batch) : Training(make_case(name, batch)) {}
  explicit Training(NetworkCase c) : net(std::move(c)) {
    nn::SgdOptions options;
    options.momentum = 0.9;
    options.weight_decay = 1e-4;
    optimizer = nn::make_sgd(*net.model, options);
  }
  void step() {
    const Variable loss = softmax_cross_entropy(net.model->call(Variable(net.images)), net.labels);
    loss.backward();
    optimizer->step(0.01);
    net.model->clear_gradients();
    benchmark::DoNotOptimize(loss.value());
  }
};

}  // namespace pith::bench
