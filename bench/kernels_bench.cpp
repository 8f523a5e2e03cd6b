// Matrix products of the float engine alone; CPU time, so that neighbours count little.
// PITH_ISA chooses the instruction set; rows ending in /threads:N use N threads and wall time.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "tensor/ops/matmul.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pith {
namespace {

Tensor normal(const Shape& shape) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 1});
  return t;
}

enum class Pass { forward, input, weight };

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

const bool registered = [] {
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
