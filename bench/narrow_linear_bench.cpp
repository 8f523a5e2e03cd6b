// Matrices with weights of 4, 2 and 1 bits times 8-bit activations (w4a4: 4-bit ones), beside our own 8-bit weights, in
// turns. One thread, CPU time, rounding the activations included on both sides; of 8 and more vectors also beside
// 8-bit weights packed for lanes, whose input lies ready in bytes.
//   narrow_linear/w4a8/4096x4096/n1/m32     one vector, 32 matrices in turn: 512 MB of int8
//   narrow_linear/w4a8/4096x4096/n8/m1      8 vectors, one matrix: 16 MB of int8
// Counters: take_turns' (turns.h); "bytes": of the codes, as a share of int8's; "GB/s": of the codes, in the best
// round.
#include <benchmark/benchmark.h>

#include "bench/byte_case.h"
#include "bench/ceiling.h"
#include "bench/conv_case.h"
#include "bench/turns.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/linear_s8_rows.h"
#include "tensor/parallel.h"

namespace pith::bench {
namespace {

constexpr int64_t kSize = 4096;

struct Format {
  const char* name;
  int bits;
  ops::NarrowInput input;
};
constexpr Format kFormats[] = {
    {"w4a8", 4, {}}, {"w4a4", 4, {.lowest = -8, .highest = 7}}, {"ternary", 2, {}}, {"binary_weights", 1, {}}};

/// The same codes at `copies` places of memory.
struct Matrices {
  RandomCodes codes;
  ops::NarrowRows first;
  std::vector<std::vector<uint8_t>> places;

  Matrices(int bits, int64_t copies) : codes(bits), first(codes.rows(kSize, kSize)) {
    const std::vector<uint8_t> all(first.codes, first.codes + bytes());
    places.assign(static_cast<size_t>(copies), all);
  }
  int64_t bytes() const { return first.panels() * first.groups() * first.steps() * 64; }
  ops::NarrowRows at(size_t i) const {
    ops::NarrowRows w = first;
    w.codes = places[i].data();
    return w;
  }
};

void product(benchmark::State& state, const Format& format, int64_t n, int64_t copies) {
  set_threads(1);
  const double operations = 2.0 * static_cast<double>(n * kSize * kSize * copies);
  const Tensor x = normal({n, kSize});
  const Matrices narrow(format.bits, copies);
  const Tensor small = byte_weights({kSize, kSize}, 100);
  std::vector<Tensor> bytes;
  for (int64_t i = 0; i < copies; ++i) bytes.push_back(small.clone());
  const std::vector<float> scale(kSize, 0.01F);
  const std::vector<int64_t> sums(kSize, 0);
  std::vector<Turn> turns = {{"narrow", operations,
                              [&] {
                                for (size_t i = 0; i < narrow.places.size(); ++i)
                                  benchmark::DoNotOptimize(ops::narrow_linear(x, narrow.at(i), format.input, Tensor()));
                              }},
                             {"int8", operations, [&] {
                                for (const Tensor& w : bytes)
                                  benchmark::DoNotOptimize(ops::linear_s8_rows(
                                      x, {w.data<int8_t>(), kSize, kSize, kSize, scale, sums}, Tensor()));
                              }}};
  const ops::QuantizedTensor lanes = ops::quantize(x, 0.03F, 128, 0);
  const ops::IntWeights packed = n < 8 ? ops::IntWeights() : ops::pack_int_weights(small, Tensor(), 128);
  const ops::IntTarget to{.dtype = DType::f32, .scale = scale};
  if (n >= 8 && copies == 1)
    turns.push_back({"int8 lanes", operations, [&] { benchmark::DoNotOptimize(ops::linear_s8(lanes, packed, to)); }});
  if (__builtin_cpu_supports("avx512vnni")) turns.push_back({"ceiling", kVnniOperations, vnni_chains});
  take_turns(state, turns);
  state.counters["bytes"] = static_cast<double>(narrow.bytes()) / static_cast<double>(kSize * kSize);
  const double rounds = static_cast<double>(state.counters["best"]) * 1e9 / operations;
  state.counters["GB/s"] = 1e-9 * static_cast<double>(narrow.bytes() * copies) * rounds;
  state.SetLabel(kernels().isa);
}

const bool registered = [] {
  for (const Format& f : kFormats)
    for (const auto& [n, copies] : {std::pair{int64_t{1}, int64_t{32}}, {1, 1}, {8, 1}, {32, 1}}) {
      const std::string name = std::string("narrow_linear/") + f.name + "/4096x4096/n" + std::to_string(n) + "/m" +
                               std::to_string(copies) + "/t1";
      benchmark::RegisterBenchmark(name.c_str(), [&f, n = n, copies = copies](benchmark::State& state) {
        product(state, f, n, copies);
      })->UseManualTime();
    }
  return true;
}();

}  // namespace
}  // namespace pith::bench
