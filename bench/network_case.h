// Networks as the benchmarks run them: fixed random images, so that no loader is in the figure; memory beside time.
#pragma once

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <string>

#include "compress/quantizers/post_training.h"
#include "nn/fold.h"
#include "nn/models.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pith::bench {

struct NetworkCase {
  std::unique_ptr<nn::Module> model;
  Tensor images;  ///< f32 [n, c, h, w]
  Tensor labels;  ///< s32 [n]
};

inline NetworkCase make_case(const std::string& name, int64_t batch) {
  const Shape input = nn::model_info(name).input;
  NetworkCase c{nn::make_model(name), Tensor::empty({batch, input[0], input[1], input[2]}), {}};
  fill_normal(c.images, 0, 1, {1, Purpose::test});
  std::vector<int32_t> labels(static_cast<size_t>(batch));
  for (int64_t i = 0; i < batch; ++i) labels[i] = static_cast<int32_t>(i % 10);
  c.labels = Tensor::from(labels, Shape{batch});
  return c;
}

/// A network of this case's weights, batch norm folded, quantized after training by what eight images show.
inline nn::IntegerSpec quantized_case(const std::string& name, const compress::PostTrainingOptions& options) {
  const NetworkCase c = make_case(name, 8);
  nn::fold_batch_norm(*c.model);
  const nn::Graph graph = nn::graph_of(*c.model, nn::model_info(name).input);
  compress::Calibration calibration(graph);
  calibration.add_extremes(c.images);
  calibration.add_moments(c.images);
  return compress::quantize_after_training(graph, calibration.finish(), options, name);
}

/// images/s by the clock of the benchmark (CPU time on one thread), and the most memory the process held so far: for
/// the memory of one case run it alone (--benchmark_filter).
inline void report(benchmark::State& state, int64_t batch) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const double images = static_cast<double>(batch) * static_cast<double>(state.iterations());
  state.counters["images/s"] = benchmark::Counter(images, benchmark::Counter::kIsRate);
  state.counters["peak_MB"] = static_cast<double>(usage.ru_maxrss) / 1024;
  state.SetLabel(kernels().isa);
}

/// One thread by CPU time, which other processes do not inflate; more threads by wall time.
template <class Run>
void add(const std::string& name, int64_t batch, const Run& run) {
  for (const int n : {1, 2}) {
    auto* b = benchmark::RegisterBenchmark(
        (name + "/batch:" + std::to_string(batch) + "/threads:" + std::to_string(n)).c_str(),
        [=](benchmark::State& state) {
          set_threads(n);
          run(state);
          report(state, batch);
        });
    b->Unit(benchmark::kMillisecond);
    if (n > 1) b->UseRealTime();
  }
}

}  // namespace pith::bench
