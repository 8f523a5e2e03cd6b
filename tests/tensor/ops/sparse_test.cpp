#include "tensor/ops/sparse.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tensor/ops/sparse_reference.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/support/oracle.h"
#include "tests/support/tables.h"

namespace pith {
namespace {

namespace oracle = test::oracle;

Tensor normal(const Shape& shape, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 31, .item = item});
  return t;
}

/// A random sparse matrix that owns its arrays.
struct Owned {
  int64_t rows, cols;
  std::vector<uint32_t> row_ptr{0};
  std::vector<uint16_t> columns;
  std::vector<float> values;
  ops::SparsePlans plans;

  Owned(int64_t r, int64_t c, double density, uint64_t item) : rows(r), cols(c) {
    Random random({.seed = 32, .item = item});
    for (int64_t first = 0; first < cols; first += ops::SparsePattern::kSection)
      for (int64_t row = 0; row < rows; ++row) {
        const double share = row % 5 == 4 ? 0 : row % 7 == 3 ? 1 : density;  // empty and full rows between
        for (int64_t j = first; j < std::min(cols, first + ops::SparsePattern::kSection); ++j)
          if (random.uniform(0, 1) < share) {
            columns.push_back(static_cast<uint16_t>(j - first));
            values.push_back(static_cast<float>(random.normal()));
          }
        row_ptr.push_back(static_cast<uint32_t>(values.size()));
      }
  }
  ops::SparseMatrix view() const { return {{rows, cols, row_ptr.data(), columns.data()}, values.data(), &plans}; }
  oracle::Values dense() const {
    oracle::Values w(static_cast<size_t>(rows * cols));
    ops::reference::each_weight(view().pattern, [&](uint32_t k, int64_t row, int64_t column) {
      w[static_cast<size_t>(row * cols + column)] = values[k];
    });
    return w;
  }
};

void expect_near(const Tensor& got, const oracle::Values& want, int64_t depth, const std::string& what) {
  const std::vector<double> g = got.to_vector<double>();
  ASSERT_EQ(g.size(), want.size()) << what;
  for (size_t i = 0; i < g.size(); ++i)
    ASSERT_NEAR(g[i], want[i], 1e-6 * static_cast<double>(8 + depth)) << what << " at " << i;
}

struct Sizes {
  int64_t rows, cols, n;
  double density;
};
Sizes random_sizes(Random& random) {
  const auto pick = [&](int64_t most) { return 1 + random.below(random.below(2) ? most : 20); };
  const double density = random.below(4) == 0 ? static_cast<double>(random.below(2)) : random.uniform(0, 0.6);
  return {pick(random.below(8) ? 60 : 700), pick(random.below(8) ? 90 : 900), pick(random.below(4) ? 40 : 150),
          density};
}

TEST(Sparse, ProductsOfPlainMatricesAgreeWithEigenOnEveryIsa) {
  Random random({.seed = 33});
  for (uint64_t i = 0; i < 120; ++i) {
    const auto [rows, cols, n, density] = random_sizes(random);
    const Owned w(rows, cols, density, i);
    const Tensor x = normal({cols, n}, 2 * i), dy = normal({rows, n}, 2 * i + 1);
    const oracle::Values y = oracle::matmul(w.dense(), x.to_vector<double>(), rows, cols, n);
    const oracle::Values all =
        oracle::matmul(dy.to_vector<double>(), oracle::transpose(x.to_vector<double>(), cols, n), rows, n, cols);
    oracle::Values kept;
    ops::reference::each_weight(w.view().pattern, [&](uint32_t, int64_t row, int64_t column) {
      kept.push_back(all[static_cast<size_t>(row * cols + column)]);
    });
    for (const KernelTable* t : test::tables()) {
      const std::string what =
          std::to_string(rows) + " x " + std::to_string(cols) + " times " + text(x) + " on " + t->isa;
      expect_near(ops::spmm(w.view(), x, *t), y, cols, what);
      expect_near(ops::sddmm(w.view(), dy, x, *t), kept, n, "sddmm " + what);
    }
  }
}

TEST(Sparse, LinearLayersAgreeWithEigenInEitherOrderOnEveryIsa) {
  Random random({.seed = 34});
  for (uint64_t i = 0; i < 80; ++i) {
    auto [rows, cols, n, density] = random_sizes(random);
    if (i % 4 == 0) n = 1;
    const Owned w(rows, cols, density, 1000 + i);
    const Tensor x = normal({n, cols}, 3 * i), dy = normal({n, rows}, 3 * i + 1), bias = normal({rows}, 3 * i + 2);
    oracle::Values y = oracle::matmul(x.to_vector<double>(), oracle::transpose(w.dense(), rows, cols), n, cols, rows);
    for (size_t j = 0; j < y.size(); ++j) y[j] += bias.to_vector<double>()[j % static_cast<size_t>(rows)];
    const oracle::Values all =
        oracle::matmul(oracle::transpose(dy.to_vector<double>(), n, rows), x.to_vector<double>(), rows, n, cols);
    oracle::Values kept;
    ops::reference::each_weight(w.view().pattern, [&](uint32_t, int64_t row, int64_t column) {
      kept.push_back(all[static_cast<size_t>(row * cols + column)]);
    });
    for (const KernelTable* t : test::tables())
      for (const bool lanes : {false, true}) {
        const Tensor in = lanes ? to_lanes(x, 0) : x, back = lanes ? to_lanes(dy, 0) : dy;
        const std::string what = std::string(lanes ? "lanes" : "plain") + " on " + t->isa;
        const Tensor got = ops::sparse_linear(w.view(), in, bias, *t);
        ASSERT_EQ(got.order(), in.order());
        expect_near(got, y, cols, what);
        if (lanes) expect_near(to_lanes(to_plain(got), 0), got.to_vector<double>(), 0, "dead lanes");
        expect_near(ops::sparse_linear_gradient(w.view(), in, back, *t), kept, n, "gradient " + what);
      }
  }
}

TEST(Sparse, ReachesBeyondTheColumnsThat16BitsCount) {
  const int64_t cols = ops::SparsePattern::kSection + 300;
  const Owned w(3, cols, 0.01, 5);  // row 3 % 7 is full: three rows hold none
  for (const int64_t n : {1, 20}) {
    const Tensor x = normal({n, cols}, 77);
    const oracle::Values y = oracle::matmul(x.to_vector<double>(), oracle::transpose(w.dense(), 3, cols), n, cols, 3);
    for (const KernelTable* t : test::tables())
      expect_near(ops::sparse_linear(w.view(), x, Tensor(), *t), y, 1000, t->isa);
  }
}

TEST(Sparse, GivesTheSameBitsForAnyNumberOfThreads) {
  const Owned w(1200, 400, 0.2, 6);
  const Tensor x = normal({400, 130}, 1), dy = normal({1200, 130}, 2), vector = normal({1, 400}, 3);
  set_threads(1);
  const auto y = ops::spmm(w.view(), x).to_vector<float>(), dw = ops::sddmm(w.view(), dy, x).to_vector<float>();
  const auto v = ops::sparse_linear(w.view(), vector, Tensor()).to_vector<float>();
  for (const int threads : {2, 3, 8}) {
    set_threads(threads);
    EXPECT_EQ(ops::spmm(w.view(), x).to_vector<float>(), y);
    EXPECT_EQ(ops::sddmm(w.view(), dy, x).to_vector<float>(), dw);
    EXPECT_EQ(ops::sparse_linear(w.view(), vector, Tensor()).to_vector<float>(), v);
  }
  set_threads(1);
}

TEST(Sparse, KeepsNaNInItsColumn) {
  const Owned w(20, 30, 0.5, 7);
  Tensor x = normal({30, 33}, 8);
  for (int64_t c = 0; c < 30; ++c) x.mutable_data<float>()[c * 33 + 32] = std::numeric_limits<float>::quiet_NaN();
  const auto y = ops::spmm(w.view(), x).to_vector<float>();
  for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i % 33 == 32 && i / 33 % 5 != 4) << i;
}

TEST(Sparse, TakesNoColumnsAtAll) {
  const Owned w(20, 30, 0.5, 8);
  EXPECT_EQ(ops::spmm(w.view(), Tensor::zeros({30, 0})).shape(), (Shape{20, 0}));
  EXPECT_EQ(ops::sparse_linear(w.view(), Tensor::zeros({0, 30}), Tensor()).shape(), (Shape{0, 20}));
}

TEST(Sparse, RefusesWhatDoesNotFit) {
  const Owned w(4, 6, 0.5, 9);
  EXPECT_THROW(ops::spmm(w.view(), Tensor::zeros({5, 2})), ShapeError);
  EXPECT_THROW(ops::spmm(w.view(), Tensor::zeros({6, 2}, DType::f64)), TypeError);
  EXPECT_THROW(ops::sddmm(w.view(), Tensor::zeros({4, 3}), Tensor::zeros({6, 2})), ShapeError);
  EXPECT_THROW(ops::sparse_linear(w.view(), Tensor::zeros({2, 4}), Tensor()), ShapeError);
  EXPECT_THROW(ops::sparse_linear(w.view(), Tensor::zeros({2, 6}), Tensor::zeros({5})), ShapeError);
  EXPECT_THROW(ops::sparse_linear_gradient(w.view(), Tensor::zeros({2, 6}), Tensor::zeros({3, 4})), ShapeError);
}

TEST(SparsePlan, ListsEveryWeightOnceAndEveryRowAtBothEnds) {
  const Owned w(1100, 700, 0.3, 10);
  for (const int64_t panels : {1, 2, 4}) {
    const ops::SparsePlan plan = ops::make_sparse_plan(w.view().pattern, panels);
    std::vector<int> seen(w.values.size());
    for (const auto& block : plan.blocks)
      for (int64_t i = block.first_run; i < block.first_run + block.run_count; ++i) {
        const SparseRun& run = plan.runs[static_cast<size_t>(i)];
        if (i > block.first_run) {
          EXPECT_LE(run.count, plan.runs[static_cast<size_t>(i) - 1].count);
        }
        for (uint32_t k = run.first; k < run.first + run.count; ++k) {
          ++seen[k];
          EXPECT_GE(w.columns[k], block.column0);
          EXPECT_LT(w.columns[k], block.column0 + block.columns);
        }
      }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<int64_t>(seen.size()));
    for (int64_t b = 0; b < static_cast<int64_t>(plan.blocks.size()); ++b) {
      const int64_t place = b % plan.blocks_per_chunk, row0 = b / plan.blocks_per_chunk * ops::SparsePlan::kChunk;
      if (place != 0 && place + 1 != plan.blocks_per_chunk) continue;
      EXPECT_EQ(plan.blocks[static_cast<size_t>(b)].run_count, std::min(ops::SparsePlan::kChunk, w.rows - row0));
    }
  }
}

}  // namespace
}  // namespace pith
