// Dense float convolution: kernel x shape x batch x threads. GFLOP/s count 2 x outputs x channels x taps, padding
// included, as users do, so a row may pass the ceiling where taps on the border are left out. `of_ceiling` is the share
// of the multiply-adds that this core does at most, measured before and after the row. One thread by CPU time, which
// neighbours do not inflate; two by wall time.
//   pith_bench --benchmark_filter=dense_conv --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true
// Beside it, where Debian's libdnnl-dev was there at build time: the rows dnnl/f32/... (rivals_dnnl_dense.cpp).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>

#include "bench/ceiling.h"
#include "bench/conv_layers.h"
#include "tensor/ops/conv2d.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pith::bench {
namespace {

Tensor normal(const Shape& shape) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 1});
  return t;
}

/// x as inference of this batch holds it: lanes, tiles where they fit, or plain.
Tensor laid_out(const ConvLayer& l, int64_t batch) {
  const Window window = l.window();
  const Tensor x = normal(l.x(batch));
  const int64_t halo = ops::conv2d_halo(l.x(batch), l.w(), window);
  if (batch >= LaneGeometry::kLanes) return to_lanes(x, halo);
  const TileGrid grid = tile_grid(batch, l.h, l.h);
  return ops::tiles_fit(l.x(batch), grid, l.w(), window) ? to_tiles(x, grid, halo) : x;
}

void conv(benchmark::State& state, ConvLayer layer, ConvPass pass, int64_t batch, int thread_count) {
  set_threads(thread_count);
  const Window window = layer.window();
  const Shape xs = layer.x(batch), ws = layer.w(), ys = conv2d_shape(xs, ws, window);
  const Tensor w = normal(ws), x = laid_out(layer, batch);
  const Tensor dy = pass == ConvPass::forward || pass == ConvPass::measured ? Tensor() : to_lanes(normal(ys), 1);
  const Tensor pivot = Tensor::zeros({ws[0]});
  const double before = fma_ceiling();
  double seconds = 0;
  for (auto _ : state) {
    const double start = thread_seconds();
    Tensor out = pass == ConvPass::forward    ? ops::conv2d(x, w, window)
                 : pass == ConvPass::measured ? ops::conv2d_measured(x, w, window, pivot).y
                 : pass == ConvPass::input    ? ops::conv2d_input_gradient(dy, w, xs, window)
                                              : ops::conv2d_weight_gradient(x, dy, ws, window);
    benchmark::DoNotOptimize(out.mutable_data<float>());
    seconds += thread_seconds() - start;
  }
  const double flops = layer.operations(batch), ceiling = std::max(before, fma_ceiling());
  state.counters["GFLOP/s"] = benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  if (thread_count == 1 && ceiling > 0)
    state.counters["of_ceiling"] = flops * 1e-9 * static_cast<double>(state.iterations()) / seconds / ceiling;
  state.SetLabel(kernels().isa);
  set_threads(1);
}

void ceiling(benchmark::State& state) {
  double best = 0;
  for (auto _ : state) best = std::max(best, fma_ceiling(1));
  state.counters["GFLOP/s"] = best;
  state.SetLabel(kernels().isa);
}

void register_layer(const ConvLayer& layer) {
  for (const int64_t batch : {128, 32, 8, 4, 2, 1})
    for (const auto& [name, pass] : kConvPasses) {
      if (batch < LaneGeometry::kLanes && pass != ConvPass::forward) continue;
      for (const int threads : {1, 2}) {
        auto* row = benchmark::RegisterBenchmark(("dense_conv/" + std::string(name) + "/" + layer.name + "/n" +
                                                  std::to_string(batch) + "/t" + std::to_string(threads))
                                                     .c_str(),
                                                 conv, layer, pass, batch, threads);
        if (threads > 1) row->UseRealTime();
      }
    }
}

const bool registered = [] {
  benchmark::RegisterBenchmark("ceiling/fma", ceiling);
  for (const ConvLayer& layer : kConvLayers) register_layer(layer);
  return true;
}();

}  // namespace
}  // namespace pith::bench
