// A line an operation of the catalogue, f32, images in lane order: forward alone, and forward with the way back, at the
// size of a layer; and the cost of one call on 16 numbers. bytes_per_second counts inputs and result of the forward
// once, so it is comparable with the machine's memory bandwidth only for operations that read everything once.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "autograd/catalog.h"
#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "tensor/tensor.h"

namespace pith {
namespace {

std::vector<Variable> inputs_of(const Example& e, bool gradients) {
  std::vector<Variable> v;
  for (size_t i = 0; i < e.inputs.size(); ++i) {
    Tensor t = e.inputs[i].to(DType::f32);
    const bool image = std::find(e.image_like.begin(), e.image_like.end(), i) != e.image_like.end();
    if (image) t = to_lanes(t, t.shape().rank() == 4 ? 1 : 0);
    v.emplace_back(t, gradients);
  }
  return v;
}

void forward(benchmark::State& state, const CatalogRow& row) {
  Draw draw(1, 1, 128);
  const Example e = row.large(draw);
  const std::vector<Variable> v = inputs_of(e, false);
  const NoGradient off;
  size_t bytes = e.call(v).value().bytes();
  for (const Variable& x : v) bytes += x.value().bytes();
  for (auto _ : state) benchmark::DoNotOptimize(e.call(v));
  state.SetBytesProcessed(static_cast<int64_t>(bytes) * state.iterations());
}

void both_ways(benchmark::State& state, const CatalogRow& row) {
  Draw draw(1, 1, 128);
  const Example e = row.large(draw);
  std::vector<Variable> v = inputs_of(e, true);
  const Tensor y = e.call(v).value();
  Tensor direction = output_direction(y.shape(), DType::f32);
  if (y.is_lanes()) direction = to_lanes(direction, y.geometry().halo);
  for (auto _ : state) {
    e.call(v).backward(direction);
    for (Variable& x : v) x.clear_gradient();
  }
}

/// What a call costs before it touches memory.
template <class F>
void tiny(benchmark::State& state, const F& f) {
  const Variable x(Tensor::full({16}, 1), true);
  for (auto _ : state) benchmark::DoNotOptimize(f(x));
}

const int registered = [] {
  for (const CatalogRow& row : catalog()) {
    benchmark::RegisterBenchmark(("ops/" + row.name + "/forward").c_str(), [&row](benchmark::State& s) {
      forward(s, row);
    })->UseRealTime();
    benchmark::RegisterBenchmark(("ops/" + row.name + "/forward_backward").c_str(), [&row](benchmark::State& s) {
      both_ways(s, row);
    })->UseRealTime();
  }
  benchmark::RegisterBenchmark("ops/relu/tiny", [](benchmark::State& s) { tiny(s, relu); });
  benchmark::RegisterBenchmark("ops/add/tiny",
                               [](benchmark::State& s) { tiny(s, [](const Variable& x) { return add(x, x); }); });
  benchmark::RegisterBenchmark("ops/relu/tiny_backward", [](benchmark::State& s) {
    const Tensor dy = Tensor::full({16}, 1);
    tiny(s, [&](const Variable& x) {
      relu(x).backward(dy);
      return x;
    });
  });
  return 0;
}();

}  // namespace
}  // namespace pith
