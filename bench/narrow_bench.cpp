// Convolution with weights of 4 bits, ternary and binary ones, beside our own 8-bit weights of the same levels, in
// turns: "x int8" is the speed-up; "bytes" is what the weights take, as a share of the 8-bit ones. Activations of 4
// bits (w4a4) are bytes, too, whose largest is 15.
//   pith_bench --benchmark_filter='(int4|w4a4|ternary|binary_weights)_conv'
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/conv_layers.h"
#include "bench/turns.h"
#include "tensor/ops/narrow_conv2d.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pith::bench {
namespace {

struct Widths {
  const char* name;
  int bits;
  int32_t highest;  ///< of the activations, in and out
};
constexpr Widths kWidths[] = {
    {"int4_conv/", 4, 255}, {"w4a4_conv/", 4, 15}, {"ternary_conv/", 2, 255}, {"binary_weights_conv/", 1, 255}};

/// What code `k` of a ternary or a binary channel stands for.
int8_t level_of(int bits, int64_t k) { return static_cast<int8_t>(bits == 1 ? 2 * (k % 2) - 1 : k == 3 ? 0 : k - 1); }

/// Random codes of kernels/narrow_views.h and the bytes that they stand for: -8 to 7; -1, 0 and 1; or -1 and 1.
struct Filters {
  Tensor weights;  ///< s8 [k, c, kh, kw]
  std::vector<uint8_t> codes;
  std::vector<int8_t> levels;
  ops::NarrowFilters view;

  Filters(const Shape& shape, int bits) : weights(Tensor::empty(shape, DType::s8)) {
    Random random({.seed = 5, .purpose = Purpose::test});
    const int64_t window = shape[2] * shape[3], each = 8 / bits, panels = (shape[0] + 3) / 4;
    const int64_t vectors = ((shape[1] + 3) / 4 * window * 16 * bits / 8 + 63) / 64;
    codes.resize(static_cast<size_t>(panels * vectors * 64));
    for (int64_t i = 0; i < (bits == 4 ? 16 : panels * 16); ++i)
      levels.push_back(bits == 4 ? static_cast<int8_t>(i - 8) : level_of(bits, i % 4));
    int8_t* w = weights.mutable_data<int8_t>();
    for (int64_t k = 0; k < shape[0]; ++k)
      for (int64_t c = 0; c < shape[1]; ++c)
        for (int64_t i = 0; i < window; ++i) {
          const int64_t code = random.below(bits == 4 ? 16 : bits == 2 ? 3 : 2);
          const int64_t byte = ((c / 4 * window + i) * 4 + k % 4) * 4 + c % 4;
          uint8_t& at = codes[static_cast<size_t>((k / 4 * vectors + byte / 64 / each) * 64 + byte % 64)];
          at = static_cast<uint8_t>(at | code << (byte / 64 % each * bits));
          *w++ = levels[static_cast<size_t>(bits == 4 ? code : k * 4 + code)];
        }
    view = ops::narrow_filters(weights, Tensor(), 0, 1);
    view.bits = bits;
    view.codes = codes.data();
    view.panel_vectors = vectors;
    view.levels = levels.data();
  }
};

void narrow(benchmark::State& state, const ConvLayer& l, int64_t batch, const Widths& widths) {
  set_threads(1);
  const Filters filters(l.w(), widths.bits);
  Tensor pixels = Tensor::empty(l.x(batch));
  fill_uniform(pixels, 0, widths.highest, {.seed = 1});
  const ops::QuantizedTensor x = ops::quantize(pixels, 1, 0, 1);
  const ops::IntWeights bytes = ops::pack_int_weights(filters.weights, Tensor(), 0);
  const ops::IntTarget to{.scale = std::vector<float>(static_cast<size_t>(l.k), 2e-3f), .relu = true};
  ops::IntTarget small = to;
  small.highest = widths.highest;
  take_turns(state, {{"narrow", l.operations(batch),
                      [&] {
                        Tensor y = ops::narrow_conv2d(x, filters.view, l.window(), small);
                        benchmark::DoNotOptimize(y.mutable_data<uint8_t>());
                      }},
                     {"int8", l.operations(batch), [&] {
                        Tensor y = ops::conv2d_s8(x, bytes, l.window(), to);
                        benchmark::DoNotOptimize(y.mutable_data<uint8_t>());
                      }}});
  state.counters["bytes"] =
      static_cast<double>(filters.codes.size() + filters.levels.size()) / static_cast<double>(bytes.packed.size());
}

const bool registered = [] {
  for (const ConvLayer& l : kResNetLayers)
    for (const int64_t batch : {1, 32})
      for (const Widths& w : kWidths)
        benchmark::RegisterBenchmark((w.name + std::string(l.name) + "/n" + std::to_string(batch) + "/t1").c_str(),
                                     narrow, l, batch, w)
            ->UseManualTime();
  return true;
}();

}  // namespace
}  // namespace pith::bench
