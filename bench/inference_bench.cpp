// Batch-1 inference with batch norm folded into its convolutions: the latency a user sees.
#include "bench/network_case.h"
#include "nn/fold.h"

namespace pith::bench {
namespace {

void infer(benchmark::State& state, const std::string& name, int64_t batch) {
  NetworkCase c = make_case(name, batch);
  c.model->set_training(false);
  nn::fold_batch_norm(*c.model);
  const NoGradient no_gradient;
  const auto run = [&] {
    const Tensor logits = c.model->call(Variable(c.images)).value();
    benchmark::DoNotOptimize(logits.contiguous().data<float>());
  };
  for (int i = 0; i < 3; ++i) run();
  for (auto _ : state) run();
}

void add_inference(const std::string& name, int64_t batch) {
  add("infer/" + name, batch, [=](benchmark::State& state) { infer(state, name, batch); });
}

const bool registered = [] {
  add_inference("resnet20-cifar", 1);
  add_inference("lenet5", 1);
  return true;
}();

}  // namespace
}  // namespace pith::bench
