// A thinned network beside its dense self, in turns: how much of the multiply-adds that it saves becomes time. The
// shares of filters are those that docs/schedules/resnet20-filters-75.yaml and -60.yaml take from the first convolution
// of each block; which filters go does not matter here.
#include <array>
#include <memory>

#include "bench/training.h"
#include "bench/turns.h"
#include "compress/thinning/thinning.h"
#include "nn/compute.h"
#include "tensor/formats/mask.h"

namespace pith::bench {
namespace {

/// The share of filters that go, in the blocks of each of the three stages.
using Shares = std::array<double, 3>;

void thin(nn::Module& model, const Shares& shares) {
  model.visit_parameters([&](const std::string& name, nn::Parameter& p) {
    if (!name.starts_with("layer") || !name.ends_with("conv1.weight")) return;
    const int64_t filters = p.shape()[0], size = p.shape().numel() / filters;
    const auto gone = static_cast<int64_t>(shares[static_cast<size_t>(name[5] - '1')] * static_cast<double>(filters));
    std::vector<uint8_t> keep(static_cast<size_t>(filters * size), 1);
    std::fill_n(keep.begin(), gone * size, uint8_t{0});
    p.set_mask(std::make_shared<const Mask>(Mask::from(Tensor::from(keep, p.shape()))));
  });
  compress::thin(model, nn::model_info("resnet20-cifar").input);
}

int64_t multiply_adds(nn::Module& model) {
  int64_t macs = 0;
  for (const nn::LayerCompute& layer : nn::compute_table(model, nn::model_info("resnet20-cifar").input))
    macs += layer.macs;
  return macs;
}

void infer(NetworkCase& c) {
  const NoGradient no_gradient;
  benchmark::DoNotOptimize(c.model->call(Variable(c.images)).value().contiguous().data<float>());
}

void thinned(benchmark::State& state, const Shares& shares, int64_t batch, bool trains) {
  set_threads(1);
  NetworkCase thin_net = make_case("resnet20-cifar", batch);
  thin(*thin_net.model, shares);
  Training thin_one(std::move(thin_net)), dense("resnet20-cifar", batch);
  state.counters["macs"] =
      static_cast<double>(multiply_adds(*thin_one.net.model)) / static_cast<double>(multiply_adds(*dense.net.model));
  for (Training* t : {&thin_one, &dense}) {
    t->net.model->set_training(trains);
    if (!trains) nn::fold_batch_norm(*t->net.model);
  }
  const auto run = [trains](Training& t) { trains ? t.step() : infer(t.net); };
  const double images = 1e9 * static_cast<double>(batch);  // the rates of take_turns then are images a second
  take_turns(state, {{"thin", images, [&] { run(thin_one); }}, {"dense", images, [&] { run(dense); }}});
  state.SetLabel(kernels().isa);
}

void add_rows(const std::string& name, const Shares& shares) {
  for (const auto& [what, batch, trains] : {std::tuple{"train", 128, true}, {"infer", 128, false}, {"infer", 1, false}})
    benchmark::RegisterBenchmark(
        ("thinned/" + name + "/" + what + "/n" + std::to_string(batch) + "/t1").c_str(),
        [=, batch = batch, trains = trains](benchmark::State& state) { thinned(state, shares, batch, trains); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
}

const bool registered = [] {
  add_rows("resnet20-filters-75", {0.25, 0.25, 0.4});
  add_rows("resnet20-filters-60", {0.375, 0.42, 0.55});
  return true;
}();

}  // namespace
}  // namespace pith::bench
