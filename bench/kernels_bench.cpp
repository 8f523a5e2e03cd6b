// The float engine alone: convolutions of ResNet-20 on CIFAR shapes, and matrix products. GFLOP/s count
// 2 x outputs x channels x taps, padding included, as users do; CPU time, so that neighbours count little.
//   pith_bench --benchmark_filter=conv --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
// PITH_ISA chooses the instruction set; rows ending in /threads:N use N threads and wall time.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "tensor/ops/conv2d.h"
#include "tensor/ops/matmul.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pith {
namespace {

struct Layer {
  const char* name;
  int64_t c, h, k, kernel, stride;
  Window window() const { return {.stride = {stride, stride}, .padding = {kernel / 2, kernel / 2}}; }
};

constexpr Layer kLayers[] = {{"conv1", 3, 32, 16, 3, 1},   {"stage1", 16, 32, 16, 3, 1}, {"stage2", 32, 16, 32, 3, 1},
                             {"stage3", 64, 8, 64, 3, 1},  {"down2", 16, 32, 32, 3, 2},  {"down3", 32, 16, 64, 3, 2},
                             {"short2", 16, 32, 32, 1, 2}, {"point", 64, 16, 64, 1, 1},  {"lenet1", 1, 28, 20, 5, 1},
                             {"lenet2", 20, 12, 50, 5, 1}};

Tensor normal(const Shape& shape) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 1});
  return t;
}

enum class Pass { forward, input, weight };

void conv(benchmark::State& state, Layer layer, Pass pass, int64_t batch, bool plain, int thread_count) {
  set_threads(thread_count);
  const Window window = layer.window();
  const Shape xs{batch, layer.c, layer.h, layer.h}, ws{layer.k, layer.c, layer.kernel, layer.kernel};
  const Shape ys = conv2d_shape(xs, ws, window);
  const Tensor w = normal(ws), x = plain ? normal(xs) : to_lanes(normal(xs), ops::conv2d_halo(xs, ws, window));
  const Tensor dy = plain ? Tensor() : to_lanes(normal(ys), 1);
  for (auto _ : state) {
    Tensor out = pass == Pass::forward ? ops::conv2d(x, w, window)
                 : pass == Pass::input ? ops::conv2d_input_gradient(dy, w, xs, window)
                                       : ops::conv2d_weight_gradient(x, dy, ws, window);
    benchmark::DoNotOptimize(out.mutable_data<float>());
  }
  const double flops = 2.0 * static_cast<double>(ys.numel() * layer.c * layer.kernel * layer.kernel);
  state.counters["GFLOP/s"] = benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  set_threads(1);
}

void sgemm(benchmark::State& state, int64_t m, int64_t k, int64_t n, const char* kind) {
  set_threads(1);
  const bool at = kind[0] == 't', bt = kind[1] == 't';
  const Tensor a = normal(at ? Shape{k, m} : Shape{m, k}), b = normal(bt ? Shape{n, k} : Shape{k, n});
  for (auto _ : state) {
    Tensor c = at ? ops::matmul_tn(a, b) : bt ? ops::matmul_nt(a, b) : ops::matmul(a, b);
    benchmark::DoNotOptimize(c.mutable_data<float>());
  }
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * static_cast<double>(m * k * n), benchmark::Counter::kIsIterationInvariantRate);
}

void linear(benchmark::State& state, int64_t batch, int64_t in, int64_t out, Pass pass) {
  set_threads(1);
  const Tensor x = to_lanes(normal({batch, in}), 0), w = normal({out, in}), dy = to_lanes(normal({batch, out}), 0);
  for (auto _ : state) {
    Tensor y = pass == Pass::forward ? ops::linear(x, w, Tensor())
               : pass == Pass::input ? ops::linear_input_gradient(dy, w)
                                     : ops::linear_weight_gradient(x, dy);
    benchmark::DoNotOptimize(y.mutable_data<float>());
  }
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * static_cast<double>(batch * in * out), benchmark::Counter::kIsIterationInvariantRate);
}

std::string join(std::initializer_list<std::string_view> parts) {
  std::string s;
  for (std::string_view p : parts) {
    if (!s.empty()) s.push_back('/');
    s.append(p);
  }
  return s;
}

void register_convolutions(const Layer& layer) {
  for (int64_t batch : {128, 32})
    for (auto [name, pass] : {std::pair{"fwd", Pass::forward}, {"dx", Pass::input}, {"dw", Pass::weight}})
      for (int threads : {1, 2}) {
        auto* row = benchmark::RegisterBenchmark(
            join({"conv", layer.name, name, batch == 128 ? "b128" : "b32", threads == 1 ? "threads:1" : "threads:2"})
                .c_str(),
            conv, layer, pass, batch, false, threads);
        if (threads > 1) row->UseRealTime();
      }
  benchmark::RegisterBenchmark(join({"conv", layer.name, "fwd", "b1", "plain"}).c_str(), conv, layer, Pass::forward,
                               int64_t{1}, true, 1);
}

const bool registered = [] {
  for (const Layer& layer : kLayers) register_convolutions(layer);
  for (const char* kind : {"nn", "nt", "tn"})
    for (int64_t size : {32, 64, 128, 256, 1024})
      benchmark::RegisterBenchmark(join({"sgemm", kind, std::to_string(size)}).c_str(), sgemm, size, size, size, kind);
  benchmark::RegisterBenchmark("sgemm/tn/500x64x800", sgemm, int64_t{500}, int64_t{64}, int64_t{800}, "tn");
  benchmark::RegisterBenchmark("sgemm/nt/1x800x500", sgemm, int64_t{1}, int64_t{800}, int64_t{500}, "nt");
  for (auto [name, pass] : {std::pair{"fwd", Pass::forward}, {"dx", Pass::input}, {"dw", Pass::weight}}) {
    benchmark::RegisterBenchmark(join({"linear", name, "64x800x500"}).c_str(), linear, int64_t{64}, int64_t{800},
                                 int64_t{500}, pass);
    benchmark::RegisterBenchmark(join({"linear", name, "64x500x10"}).c_str(), linear, int64_t{64}, int64_t{500},
                                 int64_t{10}, pass);
  }
  return true;
}();

}  // namespace
}  // namespace pith
