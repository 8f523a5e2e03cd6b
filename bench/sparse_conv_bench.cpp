// Sparse float convolution against our own dense one, in turns in one row: shape x batch x pass x sparsity. Rates count
// the dense product's operations, so "x dense" is a speed-up, of the best rounds and of the medians ("med"). Random
// masks of single weights. One thread, CPU time.
//   pith_bench --benchmark_filter='sparse_conv/.*/n128/'
// `sparse_mask/` is what a new mask costs a layer: its places and plans, forward and back.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "bench/conv_layers.h"
#include "bench/turns.h"
#include "tensor/formats/masked_conv.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pith::bench {
namespace {

Tensor normal(const Shape& shape, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 71, .item = item});
  return t;
}

Mask random_mask(const Shape& shape, double sparsity) {
  Random random({.seed = 72});
  std::vector<uint8_t> keep(static_cast<size_t>(shape.numel()));
  for (uint8_t& k : keep) k = random.uniform(0, 1) >= sparsity;
  return Mask::from(Tensor::from(keep, shape));
}

/// x of this batch as training or inference holds it.
Tensor laid_out(const ConvLayer& l, int64_t batch) {
  const Tensor x = normal(l.x(batch), 1);
  const int64_t halo = ops::conv2d_halo(l.x(batch), l.w(), l.window());
  if (batch >= LaneGeometry::kLanes) return to_lanes(x, halo);
  return to_tiles(x, tile_grid(batch, l.h, l.h), halo);
}

void sparse_conv(benchmark::State& state, const ConvLayer& layer, ConvPass pass, int64_t batch, double sparsity) {
  set_threads(1);
  const Window window = layer.window();
  const Shape xs = layer.x(batch), ws = layer.w();
  const Mask mask = random_mask(ws, sparsity);
  Tensor w = normal(ws, 2);
  zero_pruned(mask, w);
  const Tensor x = laid_out(layer, batch), pivot = Tensor::zeros({ws[0]});
  const Tensor dy = batch < LaneGeometry::kLanes ? Tensor() : to_lanes(normal(conv2d_shape(xs, ws, window), 3), 1);
  const double flops = layer.operations(batch);
  const auto run = [&](bool sparse) {
    return [&, sparse] {
      Tensor out;
      switch (pass) {
        case ConvPass::forward:
          out = sparse ? masked_conv2d(mask, w, x, window) : ops::conv2d(x, w, window);
          break;
        case ConvPass::measured:
          out = sparse ? masked_conv2d_measured(mask, w, x, window, pivot).y
                       : ops::conv2d_measured(x, w, window, pivot).y;
          break;
        case ConvPass::input:
          out = sparse ? masked_conv2d_input_gradient(mask, w, dy, xs, window)
                       : ops::conv2d_input_gradient(dy, w, xs, window);
          break;
        case ConvPass::weight:
          out = sparse ? masked_conv2d_weight_gradient(mask, x, dy, window)
                       : ops::conv2d_weight_gradient(x, dy, ws, window);
          break;
      }
      benchmark::DoNotOptimize(out.data<float>());
    };
  };
  take_turns(state, {{"sparse", flops, run(true)}, {"dense", flops, run(false)}});
  state.SetLabel(kernels().isa);
}

/// What a change of the mask costs: the new mask's places and both plans.
void new_mask(benchmark::State& state, const ConvLayer& layer, double sparsity) {
  const Mask mask = random_mask(layer.w(), sparsity);
  const std::vector<uint64_t> words(mask.words().begin(), mask.words().end());
  const Shape x = layer.x(128), y = conv2d_shape(x, layer.w(), layer.window());
  const LaneGeometry from = LaneGeometry::make(x, 1), back = LaneGeometry::make(y, 1);
  for (auto _ : state) {
    const Mask changed(layer.w(), words);
    benchmark::DoNotOptimize(changed.convolution().forward(from, y[2], y[3], layer.window()));
    benchmark::DoNotOptimize(changed.convolution().back(back, x[2], x[3], layer.window()));
  }
}

const bool registered = [] {
  for (const ConvLayer& layer : kResNetLayers)
    for (const int sparsity : {50, 90})
      benchmark::RegisterBenchmark(("sparse_mask/" + std::string(layer.name) + "/s" + std::to_string(sparsity)).c_str(),
                                   [=](benchmark::State& state) { new_mask(state, layer, sparsity / 100.0); });
  for (const ConvLayer& layer : kResNetLayers)
    for (const int64_t batch : {128, 32, 16, 1})
      for (const auto& [name, pass] : kConvPasses) {
        if (batch < LaneGeometry::kLanes && pass != ConvPass::forward) continue;
        for (const int sparsity : {0, 20, 35, 50, 80, 90, 95})
          benchmark::RegisterBenchmark(
              ("sparse_conv/" + std::string(name) + "/" + layer.name + "/n" + std::to_string(batch) + "/s" +
               std::to_string(sparsity))
                  .c_str(),
              [=](benchmark::State& state) { sparse_conv(state, layer, pass, batch, sparsity / 100.0); })
              ->UseManualTime()
              ->MinTime(0.15);
      }
  return true;
}();

}  // namespace
}  // namespace pith::bench
