// Float matrix products: dense, compressed sparse rows, and every format at rest.
#include "tensor/formats/csr_pattern.h"
#include "tensor/formats/format_table.h"
#include "tensor/formats/masked_product.h"
#include "tensor/lanes.h"
#include "tensor/ops/conv2d_reference.h"
#include "tensor/ops/matmul.h"
#include "tests/differential/family.h"
#include "tests/support/tables.h"

namespace pith::differential {
namespace {

/// a [m, k] b [k, n], and the same of magnitudes.
struct Product {
  int64_t m, k, n;
  std::vector<float> a, b;
  std::vector<double> sums, size;

  void multiply() {
    const auto run = [&](const std::vector<double>& x, const std::vector<double>& y) {
      std::vector<double> out(static_cast<size_t>(m * n));
      ops::reference::matmul(x.data(), k, int64_t{1}, y.data(), n, int64_t{1}, out.data(), m, k, n);
      return out;
    };
    sums = run(to_doubles(a), to_doubles(b));
    size = run(magnitudes(a), magnitudes(b));
  }
  std::string text() const { return pith::text(Shape{m, k}) + pith::text(Shape{k, n}); }
};

/// Vector widths and their neighbours come often.
int64_t extent(Random& random, int64_t most) {
  constexpr int64_t kEdges[] = {1, 15, 16, 17, 31, 32, 33, 63, 64, 65};
  const int64_t edge = kEdges[random.below(10)];
  return random.below(2) != 0 && edge <= most ? edge : 1 + random.below(most);
}

Product draw(Random& random) {
  Product p{extent(random, 40), extent(random, 90), extent(random, 70), {}, {}, {}, {}};
  p.a = draw_floats(p.m * p.k, random);
  p.b = draw_floats(p.k * p.n, random);
  return p;
}

std::shared_ptr<const Mask> draw_mask(const Shape& shape, Random& random) {
  const int64_t kept = random.below(11);
  std::vector<uint8_t> keep(static_cast<size_t>(shape.numel()));
  for (uint8_t& k : keep) k = random.below(10) < kept;
  return std::make_shared<const Mask>(Mask::from(Tensor::from(keep, shape)));
}

Outcome dense(Random& random) {
  Product p = draw(random);
  p.multiply();
  Outcome last;
  for (const KernelTable* const table : test::tables()) {
    const Tensor c = ops::matmul(Tensor::from(p.a, {p.m, p.k}), Tensor::from(p.b, {p.k, p.n}), *table);
    last = compare_sums(c, p.sums, p.size, p.k, std::string(table->isa) + " " + p.text());
    if (last.verdict == Verdict::differs) return last;
  }
  return last;
}

/// w x with w under a mask, on the table that the machine chooses.
Outcome masked(Random& random) {
  Product p = draw(random);
  const auto mask = draw_mask({p.m, p.k}, random);
  for (int64_t i = 0; i < p.m * p.k; ++i)
    if (!mask->keeps(i)) p.a[static_cast<size_t>(i)] = 0;
  p.multiply();
  const Tensor y = masked_matmul(*mask, Tensor::from(p.a, {p.m, p.k}), Tensor::from(p.b, {p.k, p.n}));
  return compare_sums(y, p.sums, p.size, p.k, p.text());
}

/// x w^T through an exact format at rest, x [n, k] in either order.
Outcome packed(Random& random) {
  std::vector<const FormatRow*> exact;
  for (const FormatRow& row : format_table())
    if (row.exact && row.name.find("of_") == std::string_view::npos) exact.push_back(&row);
  const FormatRow& row = *exact[static_cast<size_t>(random.below(std::ssize(exact)))];
  Product p = draw(random);
  const auto mask = draw_mask({p.m, p.k}, random);
  for (int64_t i = 0; i < p.m * p.k; ++i)
    if (!mask->keeps(i)) p.a[static_cast<size_t>(i)] = 0;
  p.multiply();
  const auto w = row.pack({Tensor::from(p.a, {p.m, p.k}), mask, nullptr, nullptr});
  const Tensor columns = Tensor::from(p.b, {p.k, p.n}).transpose(0, 1).contiguous();
  const Tensor x = random.below(2) != 0 ? to_lanes(columns, 0) : columns;
  const Tensor y = to_plain(w->linear(x, Tensor())).transpose(0, 1).contiguous();
  return compare_sums(y, p.sums, p.size, p.k, std::string(row.name) + " " + p.text());
}

constexpr Family kFamilies[] = {{"matmul", dense}, {"masked_matmul", masked}, {"packed_linear", packed}};

}  // namespace

std::span<const Family> matrices() { return kFamilies; }

}  // namespace pith::differential
