// Integer kernels: convolution with requantisation, sparse in blocks of 1 x 4, products, and layers for one vector.
// Rates count the dense operations, in GOP/s. Ours, the ceiling of the dot-product unit ("vnni") and the rivals take
// turns.
//   pith_bench --benchmark_filter=int8 --benchmark_min_time=1
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/byte_case.h"
#include "bench/ceiling.h"
#include "bench/rivals.h"
#include "bench/turns.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/conv2d_s8.h"
#include "tensor/ops/linear_s8_rows.h"
#include "tensor/ops/matmul.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pith::bench {
namespace {

/// As a ReLU leaves them, with a zero point of 0: the rivals' bytes are the same.
ops::QuantizedTensor bytes(const Shape& shape, int64_t halo) {
  Tensor x = Tensor::empty(shape);
  fill_uniform(x, 0, 255, {.seed = 1});
  return ops::quantize(x, 1, 0, halo);
}

/// The ceiling as a rival: ours in shares of it. Empty where the CPU has no such unit.
std::vector<Turn> ceiling() {
  if (!kernels_for("avx512")) return {};
  return {{"vnni", kVnniOperations, vnni_chains}};
}

/// A convolution of ours, `kept` percent of its blocks of 1 x 4 kept.
Turn turn(const std::string& name, const ConvLayer& l, int64_t batch, int64_t kept, const KernelTable& table) {
  const Tensor w = byte_weights({l.k, l.c, l.kernel, l.kernel}, kept);
  const ops::QuantizedTensor x = bytes({batch, l.c, l.h, l.h}, 1);
  const ops::IntWeights packed =
      kept < 100 ? ops::pack_sparse_int_weights(w, Tensor(), 0) : ops::pack_int_weights(w, Tensor(), 0);
  ops::IntTarget to{.scale = std::vector<float>(static_cast<size_t>(l.k), 2e-4f), .relu = true};
  return {name, l.operations(batch), [=, &table] {
            Tensor y = ops::conv2d_s8(x, packed, l.window(), to, table);
            benchmark::DoNotOptimize(y.mutable_data<uint8_t>());
          }};
}

/// Dense: beside the ceiling, oneDNN and XNNPACK.
void conv(benchmark::State& state, ConvLayer l, int64_t batch, const char* isa) {
  const KernelTable* const table = kernels_for(isa);
  if (!table) return state.SkipWithError("this CPU lacks the instruction set");
  set_threads(1);
  std::vector<Turn> turns = {turn("int8", l, batch, 100, *table)};
  for (const Turn& t : ceiling()) turns.push_back(t);
  if (const auto rival = dnnl_u8s8(l, batch)) turns.push_back({"dnnl", l.operations(batch), rival});
  if (const auto rival = xnnpack_int8(l, batch)) turns.push_back({"xnnpack", l.operations(batch), rival});
  take_turns(state, turns);
}

/// Sparse: beside dense.
void sparse(benchmark::State& state, ConvLayer l, int64_t batch, int64_t kept) {
  set_threads(1);
  take_turns(state, {turn("sparse", l, batch, kept, kernels()), turn("dense", l, batch, 100, kernels())});
}

/// One image as tiles of lanes.
void one_image(benchmark::State& state, ConvLayer l) {
  set_threads(1);
  const Tensor w = byte_weights({l.k, l.c, l.kernel, l.kernel}, 100);
  const TileGrid grid = tile_grid(1, l.h, l.h);
  Tensor image = Tensor::empty({1, l.c, l.h, l.h});
  fill_uniform(image, 0, 255, {.seed = 1});
  const ops::QuantizedTensor x = ops::quantize(to_tiles(image, grid, 1), 1, 0, 1);
  const ops::IntWeights packed = ops::pack_int_weights(w, Tensor(), 0);
  const ops::IntTarget to{.scale = std::vector<float>(static_cast<size_t>(l.k), 2e-4f), .relu = true};
  std::vector<Turn> turns = {{"int8", l.operations(1), [&] {
                                Tensor y = ops::conv2d_s8(x, packed, l.window(), to);
                                benchmark::DoNotOptimize(y.mutable_data<uint8_t>());
                              }}};
  for (const Turn& t : ceiling()) turns.push_back(t);
  if (const auto rival = dnnl_u8s8(l, 1)) turns.push_back({"dnnl", l.operations(1), rival});
  take_turns(state, turns);
}

/// A square product of features in lane order.
void product(benchmark::State& state, int64_t n, int64_t cols, int64_t rows) {
  set_threads(1);
  const ops::IntWeights w = ops::pack_int_weights(byte_weights({rows, cols}, 100), Tensor(), 0);
  const ops::QuantizedTensor x = bytes({n, cols}, 0);
  const ops::IntTarget to{.scale = std::vector<float>(static_cast<size_t>(rows), 1e-4f)};
  std::vector<Turn> turns = {{"int8", 2.0 * static_cast<double>(n * cols * rows), [&] {
                                Tensor y = ops::linear_s8(x, w, to);
                                benchmark::DoNotOptimize(y.mutable_data<uint8_t>());
                              }}};
  for (const Turn& t : ceiling()) turns.push_back(t);
  take_turns(state, turns);
}

/// One layer of weights for few vectors, as bytes beside f32; `copies` of them in turn, to leave the caches.
void vectors(benchmark::State& state, int64_t n, int64_t cols, int64_t rows, int64_t copies) {
  set_threads(1);
  Tensor x = Tensor::empty({n, cols});
  fill_normal(x, 0, 1, {.seed = 4});
  std::vector<Tensor> dense, small;
  for (int64_t i = 0; i < copies; ++i) {
    small.push_back(byte_weights({rows, cols}, 100));
    dense.push_back(small.back().to(DType::f32));
  }
  const std::vector<float> scale(static_cast<size_t>(rows), 0.01f);
  const std::vector<int64_t> sums(static_cast<size_t>(rows), 0);
  const double operations = 2.0 * static_cast<double>(n * cols * rows * copies);
  const auto whole = [&] {
    for (const Tensor& w : small) {
      Tensor y = ops::linear_s8_rows(x, {w.data<int8_t>(), rows, cols, cols, scale, sums}, Tensor());
      benchmark::DoNotOptimize(y.mutable_data<float>());
    }
  };
  const auto real = [&] {
    for (const Tensor& w : dense) {
      Tensor y = ops::linear(x, w, Tensor());
      benchmark::DoNotOptimize(y.mutable_data<float>());
    }
  };
  take_turns(state, {{"int8", operations, whole}, {"f32", operations, real}});
}

void register_layer(const ConvLayer& l) {
  const std::string name = l.name;
  for (const int64_t batch : {32, 128}) {
    const std::string n = "/n" + std::to_string(batch);
    benchmark::RegisterBenchmark(("int8_conv/forward/" + name + n + "/t1").c_str(), conv, l, batch, "avx512")
        ->UseManualTime();
    for (const int64_t kept : {20, 10, 5})
      benchmark::RegisterBenchmark(
          ("int8_sparse_conv/forward/" + name + n + "/s" + std::to_string(100 - kept) + "/t1").c_str(), sparse, l,
          batch, kept)
          ->UseManualTime();
  }
  benchmark::RegisterBenchmark(("int8_conv/forward/" + name + "/n32/avx2/t1").c_str(), conv, l, int64_t{32}, "avx2")
      ->UseManualTime();
  benchmark::RegisterBenchmark(("int8_conv/forward/" + name + "/n1/t1").c_str(), one_image, l)->UseManualTime();
}

const bool registered = [] {
  for (const ConvLayer& l : kResNetLayers) register_layer(l);
  for (const int64_t size : {256, 512, 1024})
    benchmark::RegisterBenchmark(("int8_gemm/" + std::to_string(size) + "/t1").c_str(), product, size, size, size)
        ->UseManualTime();
  for (const int64_t n : {1, 4})
    benchmark::RegisterBenchmark(("int8_vectors/lstm650/n" + std::to_string(n) + "/t1").c_str(), vectors, n,
                                 int64_t{650}, int64_t{2600}, int64_t{2})
        ->UseManualTime();
  benchmark::RegisterBenchmark("int8_vectors/4096/n1/t1", vectors, int64_t{1}, int64_t{4096}, int64_t{4096}, int64_t{4})
      ->UseManualTime();
  return true;
}();

}  // namespace
}  // namespace pith::bench
