// Where each format begins to win: all formats of one shape and sparsity beside dense f32, in turns in one row.
//   crossover/stage1/n128/s90       3 x 3 convolutions of ResNet-20
//   crossover/512x512/n1/s90        a matrix times n vectors
// One thread, CPU time. Counters: time_turns' (turns.h), one pair a format; `pith bench crossover` draws them. Formats
// that leave nothing out (int8, int4, bits) are in every row, and their times there differ by noise alone. What a
// format needs of its input lies ready (bytes, bits), as it does between two layers of such a network; int4, ternary
// and binary products of matrices round their vectors on the way in, and so does int8 for one vector.

#include "bench/byte_case.h"
#include "bench/conv_case.h"
#include "bench/turns.h"
#include "tensor/formats/format_table.h"
#include "tensor/formats/masked_conv.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/binary_conv2d.h"
#include "tensor/ops/linear_s8_rows.h"
#include "tensor/ops/matmul.h"
#include "tensor/parallel.h"

namespace pith::bench {
namespace {

template <class F>
Turn turn(const char* name, double operations, const F& make) {
  return {name, operations, [=] { benchmark::DoNotOptimize(make()); }};
}

void convolution(benchmark::State& state, const ConvLayer& l, int64_t batch, int sparsity) {
  set_threads(1);
  const Window window = l.window();
  const double n = l.operations(batch);
  const auto mask = random_mask(l.w(), sparsity / 100.0);
  const Tensor images = normal(l.x(batch)), x = laid_out(images, l), w = normal(l.w(), 1), kept = masked_weight(*mask);
  const ops::QuantizedTensor bytes = ops::quantize(x, 0.03F, 128, 1);
  const ops::IntWeights whole = ops::pack_int_weights(byte_weights(l.w(), 100), Tensor(), 128);
  const ops::IntWeights blocks = ops::pack_sparse_int_weights(byte_weights(l.w(), 100 - sparsity), Tensor(), 128);
  const ops::IntTarget to{.scale = std::vector<float>(static_cast<size_t>(l.k), 2e-4F), .relu = true};
  RandomCodes codes(4);
  const ops::NarrowFilters nibbles = codes.filters(l.w(), 128);
  const Tensor bits = to_bit_lanes(images, 1);
  const ops::BinaryWeights signs = ops::pack_binary_weights(w);
  const ops::BinaryTarget to_bits{.output = ops::BinaryOutput::bits};
  std::vector<Turn> turns = {turn("dense", n, [=] { return ops::conv2d(x, w, window); }),
                             turn("sparse", n, [=] { return masked_conv2d(*mask, kept, x, window); }),
                             turn("int8", n, [=, &whole] { return ops::conv2d_s8(bytes, whole, window, to); }),
                             turn("int8_1x4", n, [=, &blocks] { return ops::conv2d_s8(bytes, blocks, window, to); }),
                             turn("int4", n, [=, &nibbles] { return ops::narrow_conv2d(bytes, nibbles, window, to); }),
                             turn("bits", n, [=, &signs] { return ops::binary_conv2d(bits, signs, window, to_bits); })};
  time_turns(state, std::move(turns));
  state.SetLabel(kernels().isa);
}

struct Blocks {
  const char* name;
  int64_t r, c;
};

void product(benchmark::State& state, int64_t size, int64_t n, int sparsity) {
  set_threads(1);
  const Shape shape{size, size};
  const double operations = 2.0 * static_cast<double>(size * size * n);
  const Tensor plain = normal({n, size}), x = n < LaneGeometry::kLanes ? plain : to_lanes(plain, 0);
  const Tensor w = normal(shape, 1);
  std::vector<Turn> turns = {turn("dense", operations, [=] { return ops::linear(x, w, Tensor()); })};
  const auto enter = [&](const char* name, const std::shared_ptr<const Mask>& mask) {
    const std::shared_ptr<const PackedMatrix> packed =
        find_format(name)->pack({.weight = masked_weight(*mask), .mask = mask, .quant = {}, .input = {}});
    turns.push_back(turn(name, operations, [=] { return packed->linear(x, Tensor()); }));
  };
  for (const Blocks& b : {Blocks{"csr", 1, 1}, {"block_16x1", 16, 1}, {"block_4x4", 4, 4}, {"block_1x16", 1, 16}})
    enter(b.name, random_mask(shape, sparsity / 100.0, b.r, b.c));
  if (sparsity == 50) enter("2_of_4", n_of_four_mask(shape, 2));
  if (sparsity == 75) enter("1_of_4", n_of_four_mask(shape, 1));
  const ops::QuantizedTensor bytes = ops::quantize(plain, 0.03F, 128, 0);
  const Tensor small = byte_weights(shape, 100);
  const ops::IntWeights whole = ops::pack_int_weights(small, Tensor(), 128);
  const ops::IntWeights blocks = ops::pack_sparse_int_weights(byte_weights(shape, 100 - sparsity), Tensor(), 128);
  const std::vector<float> scale(static_cast<size_t>(size), 2e-4F);
  const std::vector<int64_t> sums(static_cast<size_t>(size), 0);
  const ops::IntTarget to{.dtype = DType::f32, .scale = scale};
  if (n == 1)
    turns.push_back(turn("int8", operations, [&] {
      return ops::linear_s8_rows(plain, {small.data<int8_t>(), size, size, size, scale, sums}, Tensor());
    }));
  else
    turns.push_back(turn("int8", operations, [&] { return ops::linear_s8(bytes, whole, to); }));
  turns.push_back(turn("int8_1x4", operations, [&] { return ops::linear_s8(bytes, blocks, to); }));
  RandomCodes four(4), two(2), one(1);
  const ops::NarrowRows int4 = four.rows(size, size), ternary = two.rows(size, size), binary = one.rows(size, size);
  turns.push_back(turn("int4", operations, [=] { return ops::narrow_linear(x, int4, {}, Tensor()); }));
  turns.push_back(turn("ternary", operations, [=] { return ops::narrow_linear(x, ternary, {}, Tensor()); }));
  turns.push_back(turn("bits", operations, [=] { return ops::narrow_linear(x, binary, {}, Tensor()); }));
  time_turns(state, std::move(turns));
  state.SetLabel(kernels().isa);
}

template <class F>
void add_row(const std::string& shape, int64_t batch, int sparsity, const F& run) {
  const std::string name = "crossover/" + shape + "/n" + std::to_string(batch) + "/s" + std::to_string(sparsity);
  benchmark::RegisterBenchmark(name.c_str(), run)->UseManualTime()->Unit(benchmark::kMicrosecond);
}

const bool registered = [] {
  for (const int64_t batch : {128, 1})
    for (const int sparsity : {0, 20, 35, 50, 65, 75, 80, 90, 95}) {
      for (const ConvLayer& l : kResNetLayers)
        if (l.c == l.k)
          add_row(l.name, batch, sparsity, [=](benchmark::State& state) { convolution(state, l, batch, sparsity); });
      add_row("512x512", batch, sparsity, [=](benchmark::State& state) { product(state, 512, batch, sparsity); });
    }
  return true;
}();

}  // namespace
}  // namespace pith::bench
