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
  const auto network = std::make_shared<nn::IntegerNetwork>(
      quantized_case(name, {.bits_weights = bits, .bits_activations = bits}));
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
  add_bits("resnet20-cifar", 128);
  return true;
}();

}  // namespace
}  // namespace pith::bench
