// One training step - forward, backward, SGD with momentum - of the networks that PyTorch is measured on beside it
// (bench/torch_rival.py, scripts/compare_torch).
#include <utility>

#include "bench/training.h"
#include "bench/turns.h"
#include "nn/quantized_training.h"
#include "tensor/formats/mask.h"

namespace pith::bench {
namespace {

void train_step(benchmark::State& state, const std::string& name, int64_t batch) {
  Training training(name, batch);
  // The pool is empty at first; a training run pays for that once.
  for (int i = 0; i < 3; ++i) training.step();
  for (auto _ : state) training.step();
}

/// Prunes single weights of every convolution but the first, at random.
void prune(nn::Module& model, double sparsity) {
  Random random({.seed = 5});
  bool first = true;
  model.visit_parameters([&](const std::string&, nn::Parameter& p) {
    if (p.shape().rank() != 4 || std::exchange(first, false)) return;
    std::vector<uint8_t> keep(static_cast<size_t>(p.shape().numel()));
    for (uint8_t& k : keep) k = random.uniform(0, 1) >= sparsity;
    p.set_mask(std::make_shared<const Mask>(Mask::from(Tensor::from(keep, p.shape()))));
  });
}

/// A step of the pruned network and one of its dense self take turns: "x dense" is the speed-up.
void sparse_train_step(benchmark::State& state, const std::string& name, int64_t batch, double sparsity, int threads) {
  set_threads(threads);
  Training sparse(name, batch), dense(name, batch);
  prune(*sparse.net.model, sparsity);
  for (int i = 0; i < 2; ++i) sparse.step(), dense.step();
  const double images = 1e9 * static_cast<double>(batch);  // the rates of take_turns then are images a second
  take_turns(state, {{"sparse", images, [&] { sparse.step(); }}, {"dense", images, [&] { dense.step(); }}},
             threads == 1 ? thread_seconds : wall_seconds);
  state.SetLabel(kernels().isa);
}

/// A step in whole numbers (LSQ, batch norm folded) and one of the float network, batch norm in it, take turns.
void quantized_train_step(benchmark::State& state, const std::string& name, int64_t batch, int bits) {
  set_threads(1);
  NetworkCase c = make_case(name, batch);
  c.model =
      std::make_unique<nn::QuantizedTraining>(quantized_case(name, {.bits_weights = bits, .bits_activations = bits}));
  Training quantized(std::move(c)), real(name, batch);
  for (int i = 0; i < 2; ++i) quantized.step(), real.step();
  const double images = 1e9 * static_cast<double>(batch);
  take_turns(state, {{"quantized", images, [&] { quantized.step(); }}, {"f32", images, [&] { real.step(); }}});
  state.SetLabel(kernels().isa);
}

void add_train_step(const std::string& name, int64_t batch) {
  add("train/" + name, batch, [=](benchmark::State& state) { train_step(state, name, batch); });
}

const bool registered = [] {
  add_train_step("resnet20-cifar", 128);
  add_train_step("resnet20-cifar", 32);
  add_train_step("lenet5", 64);
  for (const int bits : {8, 4, 2}) {
    const std::string width = std::to_string(bits);
    benchmark::RegisterBenchmark(
        ("quantized_train/resnet20-cifar/batch:128/w" + width + "a" + width + "/t1").c_str(),
        [=](benchmark::State& state) { quantized_train_step(state, "resnet20-cifar", 128, bits); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  }
  for (const int64_t batch : {128, 32})
    for (const int sparsity : {50, 80, 90, 95})
      for (const int threads : {1, 2})
        benchmark::RegisterBenchmark(("sparse_train/resnet20-cifar/batch:" + std::to_string(batch) + "/s" +
                                      std::to_string(sparsity) + "/t" + std::to_string(threads))
                                         .c_str(),
                                     [=](benchmark::State& state) {
                                       sparse_train_step(state, "resnet20-cifar", batch, sparsity / 100.0, threads);
                                     })
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond);
  return true;
}();

}  // namespace
}  // namespace pith::bench
