// Inference with batch norm folded into its convolutions, in f32 and on 8-bit integers: what a user waits for, from f32
// images in plain order to f32 logits.
#include <memory>

#include "bench/network_case.h"
#include "bench/turns.h"

namespace pith::bench {
namespace {

using Inference = std::function<void()>;

Inference real_inference(const std::string& name, int64_t batch) {
  const auto c = std::make_shared<NetworkCase>(make_case(name, batch));
  c->model->set_training(false);
  nn::fold_batch_norm(*c->model);
  return [c] {
    const NoGradient no_gradient;
    const Tensor logits = c->model->call(Variable(c->images)).value();
    benchmark::DoNotOptimize(logits.contiguous().data<float>());
  };
}

/// The same network quantized after training: weights and activations of so many bits, first and last layer of 8.
Inference quantized_inference(const std::string& name, int64_t batch, int bits) {
  const auto network =
      std::make_shared<nn::IntegerNetwork>(quantized_case(name, {.bits_weights = bits, .bits_activations = bits}));
  return [network, images = make_case(name, batch).images] {
    const Tensor logits = network->run(images);
    benchmark::DoNotOptimize(logits.data<float>());
  };
}

Inference integer_inference(const std::string& name, int64_t batch) { return quantized_inference(name, batch, 8); }

/// One bit of weights and activations, which is counted, beside bytes and real numbers.
void add_bits(const std::string& name, int64_t batch) {
  benchmark::RegisterBenchmark(("bits_network/" + name + "/n" + std::to_string(batch) + "/t1").c_str(),
                               [=](benchmark::State& state) {
                                 set_threads(1);
                                 const double images = static_cast<double>(batch) * 1e9;  // rates in images/s
                                 take_turns(state, {{"bits", images, quantized_inference(name, batch, 1)},
                                                    {"int8", images, integer_inference(name, batch)},
                                                    {"f32", images, real_inference(name, batch)}});
                               })
      ->UseManualTime();
}

/// The inner convolutions with a share of their weights set to 0 at random, one by one or in blocks of 1 x 4 along the
/// inputs: what pruning leaves, whatever it went by.
nn::IntegerSpec pruned_case(const std::string& name, int sparsity, bool in_blocks) {
  nn::IntegerSpec spec = quantized_case(name, {});
  Random random({.seed = 3, .purpose = Purpose::test});
  for (size_t i = 1; i + 1 < spec.layers.size(); ++i) {
    Tensor& w = spec.layers[i].weights;
    if (!w.defined() || w.shape().rank() != 4) continue;
    const int64_t window = w.shape()[2] * w.shape()[3], depth = w.shape()[1];
    auto* const p = w.mutable_data<int8_t>();
    for (int64_t row = 0; row < w.shape()[0] * window; ++row)
      for (int64_t c = 0, goes = 0; c < depth; ++c) {
        if (!in_blocks || c % 4 == 0) goes = random.below(100) < sparsity;
        if (goes != 0) p[(row / window * depth + c) * window + row % window] = 0;
      }
  }
  return spec;
}

/// A pruned network of 8 bits that leaves out blocks of zeros, beside one that multiplies them and beside dense f32.
void add_pruned(const std::string& name, int64_t batch, int sparsity, bool in_blocks) {
  benchmark::RegisterBenchmark(("pruned_int8_network/" + name + (in_blocks ? "/1x4" : "/1x1") + "/n" +
                                std::to_string(batch) + "/s" + std::to_string(sparsity) + "/t1")
                                   .c_str(),
                               [=](benchmark::State& state) {
                                 set_threads(1);
                                 const nn::IntegerSpec spec = pruned_case(name, sparsity, in_blocks);
                                 const auto inference = [&](const nn::BlockCrossover& crossover) -> Inference {
                                   const auto network = std::make_shared<nn::IntegerNetwork>(spec, crossover);
                                   return [network, images = make_case(name, batch).images] {
                                     const Tensor logits = network->run(images);
                                     benchmark::DoNotOptimize(logits.data<float>());
                                   };
                                 };
                                 const double images = static_cast<double>(batch) * 1e9;  // rates in images/s
                                 take_turns(state, {{"blocks", images, inference({})},
                                                    {"int8", images, inference({.images = 0})},
                                                    {"f32", images, real_inference(name, batch)}});
                               })
      ->UseManualTime();
}

void add_inference(const std::string& name, int64_t batch) {
  for (const auto& [row, make] : {std::pair{"infer/", &real_inference}, std::pair{"infer_int8/", &integer_inference}})
    add(row + name, batch, [=](benchmark::State& state) {
      const Inference run = make(name, batch);
      for (int i = 0; i < 3; ++i) run();
      for (auto _ : state) run();
    });
  benchmark::RegisterBenchmark(("int8_network/" + name + "/n" + std::to_string(batch) + "/t1").c_str(),
                               [=](benchmark::State& state) {
                                 set_threads(1);
                                 const double images = static_cast<double>(batch) * 1e9;  // rates in images/s
                                 take_turns(state, {{"int8", images, integer_inference(name, batch)},
                                                    {"f32", images, real_inference(name, batch)}});
                               })
      ->UseManualTime();
}

const bool registered = [] {
  for (const int64_t batch : {1, 32}) add_inference("resnet20-cifar", batch);
  add_inference("lenet5", 1);
  for (const int64_t batch : {1, 32, 128})
    for (const int sparsity : {80, 90, 95})
      for (const bool in_blocks : {false, true}) add_pruned("resnet20-cifar", batch, sparsity, in_blocks);
  add_bits("resnet20-cifar", 128);
  return true;
}();

}  // namespace
}  // namespace pith::bench
