// Integer convolutions and linear layers: 8-bit dense and in blocks of 1 x 4, to each kind of result; binary ones, of
// signs alone and of bits within a network of bytes.
#include "tensor/ops/binary_conv2d.h"
#include "tensor/ops/binary_conv2d_reference.h"
#include "tensor/ops/conv2d_s8.h"
#include "tensor/ops/conv2d_s8_reference.h"
#include "tests/differential/family.h"
#include "tests/support/conv_case.h"
#include "tests/support/tables.h"

namespace pith::differential {
namespace {

using test::Case;

/// Bytes over the whole range, or only its ends.
std::vector<uint8_t> draw_u8(int64_t count, Random& random) {
  const bool extreme = random.below(4) == 0;
  std::vector<uint8_t> out(static_cast<size_t>(count));
  for (uint8_t& v : out) v = static_cast<uint8_t>(extreme ? random.below(2) * 255 : random.below(256));
  return out;
}
std::vector<int8_t> draw_s8(int64_t count, Random& random) {
  const bool extreme = random.below(4) == 0;
  const int64_t kept = random.below(3) == 0 ? random.below(11) : 10;  // tenths
  std::vector<int8_t> out(static_cast<size_t>(count));
  for (int8_t& v : out) {
    const int64_t any = extreme ? (random.below(2) != 0 ? 127 : -128) : random.below(256) - 128;
    v = static_cast<int8_t>(random.below(10) < kept ? any : 0);
  }
  return out;
}

struct IntCase {
  Case shape;
  std::vector<uint8_t> x;
  std::vector<int8_t> w;
  std::vector<int32_t> bias;
  std::vector<float> scale;
  int32_t zero = 0, y_zero = 0;
  bool relu = false, sparse = false;
  std::vector<int64_t> sums;
  int32_t highest = 255;  ///< of x
};

std::vector<int8_t> draw_signs(int64_t count, Random& random) {
  std::vector<int8_t> out(static_cast<size_t>(count));
  for (int8_t& v : out) v = random.below(2) != 0 ? 1 : -1;
  return out;
}

IntCase draw(Random& random, Case shape, bool sparse, bool bits = false) {
  IntCase c{std::move(shape), {}, {}, {}, {}, 0, 0, false, sparse, {}, bits ? 1 : 255};
  c.x = draw_u8(c.shape.x.numel(), random);
  for (uint8_t& v : c.x) v = static_cast<uint8_t>(bits ? v % 2 : v);
  c.w = bits ? draw_signs(c.shape.w.numel(), random) : draw_s8(c.shape.w.numel(), random);
  c.zero = static_cast<int32_t>(random.below(c.highest + 1));
  c.y_zero = static_cast<int32_t>(random.below(256));
  c.relu = random.below(2) != 0;
  for (int64_t k = 0; k < c.shape.w[0]; ++k) {
    c.bias.push_back(static_cast<int32_t>(random.below(20001) - 10000));
    c.scale.push_back(static_cast<float>(random.uniform(1e-4, 2e-2) * (random.below(8) != 0 ? 1 : 1e7)));
  }
  c.sums.resize(static_cast<size_t>(c.shape.y.numel()));
  ops::reference::conv2d_s8(c.x.data(), c.zero, c.w.data(), c.sums.data(), c.shape.x, c.shape.w, c.shape.y,
                            c.shape.window);
  const size_t plane = static_cast<size_t>(c.shape.y[2] * c.shape.y[3]);
  for (size_t i = 0; i < c.sums.size(); ++i) c.sums[i] += c.bias[i / plane % c.bias.size()];
  return c;
}

ops::IntWeights pack(const IntCase& c, const Shape& w) {
  const Tensor values = Tensor::from(c.w, w), bias = Tensor::from(c.bias, {w[0]});
  return c.sparse ? ops::pack_sparse_int_weights(values, bias, c.zero, c.shape.window.groups)
                  : ops::pack_int_weights(values, bias, c.zero, c.shape.window.groups, c.highest);
}

/// What `run` makes of the case on every table, as s32 and as u8, against the twin.
template <class Run>
Outcome compare(const IntCase& c, const Run& run) {
  const size_t plane = static_cast<size_t>(c.shape.y[2] * c.shape.y[3]);
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < c.sums.size(); ++i)
    bytes.push_back(ops::reference::requantize(c.sums[i], c.scale[i / plane % c.scale.size()], 0, c.y_zero, c.relu));
  Outcome last;
  for (const KernelTable* const table : test::tables_with_base()) {
    const std::string what = std::string(table->isa) + " " + text(c.shape) + (c.sparse ? " sparse" : "");
    const ops::IntTarget to{.scale = c.scale, .zero_point = c.y_zero, .relu = c.relu};
    const Outcome small = compare_exactly(run(to, *table).template to_vector<uint8_t>(), bytes, what + " u8");
    if (small.verdict == Verdict::differs) return small;
    last = compare_exactly(run({.dtype = DType::s32}, *table).template to_vector<int32_t>(), c.sums, what + " s32");
    if (last.verdict == Verdict::differs) return last;
  }
  return last;
}

/// Of more channels than a test's usual ones half of the time: words of 32 bits have ends.
Case many_channels(Random& random) {
  Case c = test::random_case(random);
  const int64_t channels = random.below(2) != 0 ? 1 + random.below(70) : c.w[1];
  c.x = {c.x[0], channels * c.window.groups, c.x[2], c.x[3]};
  c.w = {c.w[0], channels, c.w[2], c.w[3]};
  return c;
}

Outcome convolution(Random& random, bool sparse, bool bits = false) {
  const IntCase c = draw(random, bits ? many_channels(random) : test::random_case(random), sparse, bits);
  const ops::IntWeights w = pack(c, c.shape.w);
  const ops::QuantizedTensor x{Tensor::from(c.x, c.shape.x), 1, c.zero};
  return compare(
      c, [&](const ops::IntTarget& to, const KernelTable& t) { return ops::conv2d_s8(x, w, c.shape.window, to, t); });
}
Outcome dense(Random& random) { return convolution(random, false); }
Outcome sparse(Random& random) { return convolution(random, true); }
Outcome bits(Random& random) { return convolution(random, false, true); }

Outcome linear(Random& random) {
  const int64_t n = 1 + random.below(34), in = 1 + random.below(300), out = 1 + random.below(40);
  const Case shape{{n, in, 1, 1}, {out, in, 1, 1}, {n, out, 1, 1}, {}};
  const IntCase c = draw(random, shape, false);
  const ops::IntWeights w = pack(c, {out, in});
  const ops::QuantizedTensor x{Tensor::from(c.x, {n, in}), 1, c.zero};
  return compare(c, [&](const ops::IntTarget& to, const KernelTable& t) { return ops::linear_s8(x, w, to, t); });
}

Outcome binary(Random& random) {
  const Case c = many_channels(random);
  const std::vector<int8_t> xs = draw_signs(c.x.numel(), random), ws = draw_signs(c.w.numel(), random);
  const int padding = static_cast<int>(random.below(3)) - 1;
  std::vector<int32_t> want(static_cast<size_t>(c.y.numel()));
  ops::reference::binary_conv2d(xs.data(), ws.data(), want.data(), c.x, c.w, c.y, c.window, padding);
  const ops::BinaryWeights w = ops::pack_binary_weights(Tensor::from(ws, c.w));
  const ops::BinaryTarget to{.padding = padding == 0  ? ops::BinaryPadding::zero
                                        : padding < 0 ? ops::BinaryPadding::minus_one
                                                      : ops::BinaryPadding::plus_one};
  Outcome last;
  for (const KernelTable* const table : test::tables_with_base()) {
    const Tensor y = ops::binary_conv2d(Tensor::from(xs, c.x), w, c.window, to, *table);
    last = compare_exactly(y.to_vector<int32_t>(), want, std::string(table->isa) + " " + text(c));
    if (last.verdict == Verdict::differs) return last;
  }
  return last;
}

constexpr Family kFamilies[] = {{"conv2d_s8", dense},
                                {"conv2d_s8_sparse", sparse},
                                {"conv2d_s8_bits", bits},
                                {"linear_s8", linear},
                                {"binary_conv2d", binary}};

}  // namespace

std::span<const Family> integer_convolutions() { return kFamilies; }

}  // namespace pith::differential
