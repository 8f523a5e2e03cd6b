// Float convolutions, dense and under a mask: forward in each order of memory, and both ways back.
#include "tensor/formats/masked_conv.h"
#include "tensor/lanes.h"
#include "tensor/ops/conv2d.h"
#include "tensor/ops/conv2d_reference.h"
#include "tests/differential/family.h"
#include "tests/support/conv_case.h"
#include "tests/support/tables.h"

namespace pith::differential {
namespace {

using test::Case;
using Twin = void(const double*, const double*, double*, const Shape&, const Shape&, const Shape&, const Window&);

/// Two operands, what the twin makes of them, and of their magnitudes.
struct Product {
  std::vector<float> a, b;
  std::vector<double> sums, size;
};

std::vector<double> run_twin(Twin* twin, const std::vector<double>& a, const std::vector<double>& b, int64_t count,
                             const Case& c) {
  std::vector<double> out(static_cast<size_t>(count));
  twin(a.data(), b.data(), out.data(), c.x, c.w, c.y, c.window);
  return out;
}

Product multiply(Twin* twin, std::vector<float> a, std::vector<float> b, const Shape& out, const Case& c) {
  Product p{std::move(a), std::move(b), {}, {}};
  p.sums = run_twin(twin, to_doubles(p.a), to_doubles(p.b), out.numel(), c);
  p.size = run_twin(twin, magnitudes(p.a), magnitudes(p.b), out.numel(), c);
  return p;
}

int64_t depth_of(const Case& c) { return c.w[1] * c.w[2] * c.w[3]; }
int64_t gradient_depth(const Case& c) { return c.w[0] / c.window.groups * c.w[2] * c.w[3]; }
int64_t outputs_of_a_filter(const Case& c) { return c.y[0] * c.y[2] * c.y[3]; }

/// Calls each(table) until one differs; a case that is mistrusted once is mistrusted.
template <class Each>
Outcome on_every_table(const Each& each) {
  Outcome last;
  for (const KernelTable* const table : test::tables()) {
    last = each(*table);
    last.what = std::string(table->isa) + " " + last.what;
    if (last.verdict == Verdict::differs) return last;
  }
  return last;
}

/// x in one of the orders of memory that forward takes.
Tensor in_some_order(const Tensor& x, const Case& c, Random& random) {
  const int64_t halo = ops::conv2d_halo(c.x, c.w, c.window), order = random.below(3);
  if (order == 0) return x;
  const TileGrid grid = tile_grid(c.x[0], c.x[2], c.x[3]);
  if (order == 1 && ops::tiles_fit(c.x, grid, c.w, c.window)) return to_tiles(x, grid, halo);
  return to_lanes(x, halo + random.below(2));
}

Outcome forward(Random& random) {
  const Case c = test::random_case(random);
  const Product p = multiply(&ops::reference::conv2d<double>, draw_floats(c.x.numel(), random),
                             draw_floats(c.w.numel(), random), c.y, c);
  const Tensor x = in_some_order(Tensor::from(p.a, c.x), c, random), w = Tensor::from(p.b, c.w);
  return on_every_table([&](const KernelTable& t) {
    return compare_sums(ops::conv2d(x, w, c.window, {}, t), p.sums, p.size, depth_of(c), text(c));
  });
}

Outcome input_gradient(Random& random) {
  const Case c = test::random_case(random);
  const Product p = multiply(&ops::reference::conv2d_input_gradient<double>, draw_floats(c.y.numel(), random),
                             draw_floats(c.w.numel(), random), c.x, c);
  const Tensor dy = to_lanes(Tensor::from(p.a, c.y), 1), w = Tensor::from(p.b, c.w);
  return on_every_table([&](const KernelTable& t) {
    return compare_sums(ops::conv2d_input_gradient(dy, w, c.x, c.window, t), p.sums, p.size, gradient_depth(c),
                        text(c));
  });
}

Outcome weight_gradient(Random& random) {
  const Case c = test::random_case(random);
  const Product p = multiply(&ops::reference::conv2d_weight_gradient<double>, draw_floats(c.x.numel(), random),
                             draw_floats(c.y.numel(), random), c.w, c);
  const Tensor x = to_lanes(Tensor::from(p.a, c.x), ops::conv2d_halo(c.x, c.w, c.window));
  const Tensor dy = to_lanes(Tensor::from(p.b, c.y), 1);
  return on_every_table([&](const KernelTable& t) {
    return compare_sums(ops::conv2d_weight_gradient(x, dy, c.w, c.window, t), p.sums, p.size, outputs_of_a_filter(c),
                        text(c));
  });
}

/// Between all pruned and none pruned, and weights that are 0 where the mask prunes.
Mask draw_mask(const Shape& shape, Random& random) {
  const int64_t kept = random.below(11);
  std::vector<uint8_t> keep(static_cast<size_t>(shape.numel()));
  for (uint8_t& k : keep) k = random.below(10) < kept;
  return Mask::from(Tensor::from(keep, shape));
}
std::vector<float> masked(std::vector<float> values, const Mask& mask) {
  for (size_t i = 0; i < values.size(); ++i)
    if (!mask.keeps(static_cast<int64_t>(i))) values[i] = 0;
  return values;
}

Outcome masked_forward(Random& random) {
  const Case c = test::random_case(random);
  const Mask mask = draw_mask(c.w, random);
  const Product p = multiply(&ops::reference::conv2d<double>, draw_floats(c.x.numel(), random),
                             masked(draw_floats(c.w.numel(), random), mask), c.y, c);
  const Tensor x = to_lanes(Tensor::from(p.a, c.x), ops::conv2d_halo(c.x, c.w, c.window)), w = Tensor::from(p.b, c.w);
  return on_every_table([&](const KernelTable& t) {
    return compare_sums(masked_conv2d(mask, w, x, c.window, {}, t), p.sums, p.size, depth_of(c), text(c));
  });
}

Outcome masked_input_gradient(Random& random) {
  const Case c = test::random_case(random);
  const Mask mask = draw_mask(c.w, random);
  const Product p = multiply(&ops::reference::conv2d_input_gradient<double>, draw_floats(c.y.numel(), random),
                             masked(draw_floats(c.w.numel(), random), mask), c.x, c);
  const Tensor dy = to_lanes(Tensor::from(p.a, c.y), 1), w = Tensor::from(p.b, c.w);
  return on_every_table([&](const KernelTable& t) {
    return compare_sums(masked_conv2d_input_gradient(mask, w, dy, c.x, c.window, t), p.sums, p.size, gradient_depth(c),
                        text(c));
  });
}

Outcome masked_weight_gradient(Random& random) {
  const Case c = test::random_case(random);
  const Mask mask = draw_mask(c.w, random);
  Product p = multiply(&ops::reference::conv2d_weight_gradient<double>, draw_floats(c.x.numel(), random),
                       draw_floats(c.y.numel(), random), c.w, c);
  for (size_t i = 0; i < p.sums.size(); ++i)
    if (!mask.keeps(static_cast<int64_t>(i))) p.sums[i] = p.size[i] = 0;  // exactly 0, too
  const Tensor x = to_lanes(Tensor::from(p.a, c.x), ops::conv2d_halo(c.x, c.w, c.window));
  const Tensor dy = to_lanes(Tensor::from(p.b, c.y), 1);
  return on_every_table([&](const KernelTable& t) {
    return compare_sums(masked_conv2d_weight_gradient(mask, x, dy, c.window, t), p.sums, p.size, outputs_of_a_filter(c),
                        text(c));
  });
}

constexpr Family kFamilies[] = {{"conv2d", forward},
                                {"conv2d_dx", input_gradient},
                                {"conv2d_dw", weight_gradient},
                                {"masked_conv2d", masked_forward},
                                {"masked_conv2d_dx", masked_input_gradient},
                                {"masked_conv2d_dw", masked_weight_gradient}};

}  // namespace

std::span<const Family> float_convolutions() { return kFamilies; }

}  // namespace pith::differential
