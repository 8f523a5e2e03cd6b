// Binary convolution, bits to bits, beside the machine's xor-popcount-add ceiling and our dense f32 and int8
// convolutions, taking turns. Operations: 2 n k c kh kw oh ow with the real number of channels, so that stage 1, whose
// 16 channels fill half of a word, can reach half of the ceiling at most.
#include "bench/byte_case.h"
#include "bench/ceiling.h"
#include "bench/turns.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/binary_conv2d.h"
#include "tensor/ops/conv2d.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pith::bench {
namespace {

struct Stage {
  const char* name;
  int64_t n, c, h;
};

constexpr Stage kStages[] = {{"stage1", 128, 16, 32},
                             {"stage2", 128, 32, 16},
                             {"stage3", 128, 64, 8},
                             {"c128", 32, 128, 16},
                             {"c256", 32, 256, 8}};

void binary_conv(benchmark::State& state, const Stage& s) {
  set_threads(1);
  Tensor x = Tensor::empty({s.n, s.c, s.h, s.h}), w = Tensor::empty({s.c, s.c, 3, 3});
  fill_normal(x, 0, 1, {.seed = 1});
  fill_normal(w, 0, 1, {.seed = 2});
  const Window window{.padding = {1, 1}};
  const Tensor bits = to_bit_lanes(x, 1), lanes = to_lanes(x, 1);
  const ops::BinaryWeights packed = ops::pack_binary_weights(w);
  const ops::BinaryTarget to{.output = ops::BinaryOutput::bits};
  const ops::QuantizedTensor bytes = ops::quantize(x, 0.03F, 128, 1);
  const ops::IntWeights small = ops::pack_int_weights(byte_weights(w.shape(), 100), Tensor(), 128);
  const ops::IntTarget to_bytes{.scale = std::vector<float>(static_cast<size_t>(s.c), 2e-4F), .zero_point = 128};
  const double operations = 2.0 * 9 * static_cast<double>(s.n * s.c * s.c * s.h * s.h);
  std::vector<Turn> turns = {
      {"binary", operations, [&] { benchmark::DoNotOptimize(ops::binary_conv2d(bits, packed, window, to)); }},
      {"dense", operations, [&] { benchmark::DoNotOptimize(ops::conv2d(lanes, w, window)); }},
      {"int8", operations, [&] { benchmark::DoNotOptimize(ops::conv2d_s8(bytes, small, window, to_bytes)); }}};
  if (__builtin_cpu_supports("avx512vpopcntdq")) turns.push_back({"ceiling", kPopcountOperations, popcount_chains});
  take_turns(state, turns);
  state.SetLabel(kernels().isa);
}

void binarize(benchmark::State& state, const Stage& s) {
  set_threads(1);
  Tensor x = Tensor::empty({s.n, s.c, s.h, s.h});
  fill_normal(x, 0, 1, {.seed = 1});
  const Tensor lanes = to_lanes(x, 1);
  for (auto _ : state) benchmark::DoNotOptimize(to_bit_lanes(lanes, 1));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(lanes.bytes()));
}

[[maybe_unused]] const int registered = [] {
  for (const Stage& s : kStages) {
    const std::string shape = std::string(s.name) + "/n" + std::to_string(s.n);
    benchmark::RegisterBenchmark(("bits/conv/" + shape + "/t1").c_str(),
                                 [=](benchmark::State& b) { binary_conv(b, s); })
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark(("bits/binarize/" + shape + "/t1").c_str(), [=](benchmark::State& b) {
      binarize(b, s);
    })->Unit(benchmark::kMicrosecond);
  }
  return 0;
}();

}  // namespace
}  // namespace pith::bench
