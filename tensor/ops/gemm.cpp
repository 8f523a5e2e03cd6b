#include "tensor/ops/gemm.h"

#include <algorithm>
#include <string_view>

#include "tensor/blas.h"
#include "tensor/parallel.h"
#include "tensor/tensor.h"

namespace pith::ops {
namespace {

/// From here on the right matrix is packed and the depth cut into blocks; measured with bench/kernels_bench (sgemm
/// rows).
constexpr int64_t kLargeProduct = 128 * 128 * 128;

/// Calls body(first, last) over chunks of `extent` that are multiples of `unit` and hold about `products` products
/// each.
template <class Body>
void split(int64_t extent, int64_t unit, int64_t products_each, int64_t products, const Body& body) {
  const int64_t units = std::max<int64_t>(1, products / std::max<int64_t>(1, products_each * unit));
  parallel_for(extent, units * unit, body);
}

/// OpenBLAS, for machines without vectors that we know. Elsewhere our kernels are level with it or ahead: it knows only
/// the processors of its day (0.3.21 on Zen 5 runs its AVX2 kernels: 77 of 211 GFLOP/s at 1024 cubed, ours 172).
void large(const Matrix& a, const Matrix& b, float* c, int64_t m, int64_t k, int64_t n) {
  constexpr int64_t kProducts = int64_t{1} << 25;
  const bool at = a.column != 1, bt = b.column != 1;
  const auto part = [&](int64_t i, int64_t rows, int64_t j, int64_t columns) {
    blas::multiply({.transpose_a = at,
                    .transpose_b = bt,
                    .m = rows,
                    .n = columns,
                    .k = k,
                    .a = a.data + i * a.row,
                    .a_row = at ? a.column : a.row,
                    .b = b.data + j * b.column,
                    .b_row = bt ? b.column : b.row,
                    .c = c + i * n + j,
                    .c_row = n});
  };
  if (m >= n) return split(m, 32, k * n, kProducts, [&](int64_t i, int64_t end) { part(i, end - i, 0, n); });
  split(n, 64, k * m, kProducts, [&](int64_t j, int64_t end) { part(0, m, j, end - j); });
}

/// The transpose of a matrix with contiguous columns, as one with contiguous rows, in blocks that stay in cache.
Tensor transposed(const Matrix& b, int64_t k, int64_t n) {
  constexpr int64_t kBlock = 16;
  Tensor rows = Tensor::empty({k, n});
  float* const out = rows.mutable_data<float>();
  parallel_for(n, 4 * kBlock, [&](int64_t begin, int64_t end) {
    for (int64_t p0 = 0; p0 < k; p0 += kBlock)
      for (int64_t j = begin; j < end; ++j)
        for (int64_t p = p0; p < std::min(k, p0 + kBlock); ++p) out[p * n + j] = b.data[j * b.column + p];
  });
  return rows;
}

constexpr int64_t kPanel = 64;  // columns

/// Row-major b as panels of 64 columns [n / 64][k][64]: the kernel then reads one stream, whatever n is.
Tensor panels(const Matrix& b, int64_t k, int64_t n) {
  const int64_t count = chunk_count(n, kPanel);
  Tensor packed = Tensor::empty({count, k, kPanel});
  float* const out = packed.mutable_data<float>();
  parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t width = std::min(kPanel, n - panel * kPanel);
      for (int64_t p = 0; p < k; ++p)
        for (int64_t j = 0; j < width; ++j) out[(panel * k + p) * kPanel + j] = b.data[p * b.row + panel * kPanel + j];
    }
  });
  return packed;
}

/// Products that outgrow the caches: blocks of depth over packed panels.
void blocked(const KernelTable& table, const Matrix& a, const Matrix& b, float* c, int64_t m, int64_t k, int64_t n) {
  constexpr int64_t kRows = 192, kDepth = 192, kPanels = 4;
  const Tensor packed = panels(b, k, n);
  const float* const in = packed.data<float>();
  const int64_t row_chunks = chunk_count(m, kRows), panel_count = chunk_count(n, kPanel);
  parallel_for(row_chunks * chunk_count(panel_count, kPanels), 1, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      const int64_t i = chunk % row_chunks * kRows, first = chunk / row_chunks * kPanels;
      for (int64_t p = 0; p < k; p += kDepth)
        for (int64_t panel = first; panel < std::min(panel_count, first + kPanels); ++panel)
          table.gemm({.a = a.data + i * a.row + p * a.column,
                      .b = in + (panel * k + p) * kPanel,
                      .c = c + i * n + panel * kPanel,
                      .m = std::min(kRows, m - i),
                      .k = std::min(kDepth, k - p),
                      .n = std::min(kPanel, n - panel * kPanel),
                      .a_row = a.row,
                      .a_column = a.column,
                      .b_row = kPanel,
                      .c_row = n,
                      .add = p > 0});
    }
  });
}

void dot(const KernelTable& table, const Matrix& a, const Matrix& b, float* c, int64_t m, int64_t k, int64_t n) {
  constexpr int64_t kProducts = 1 << 18;  // bound by memory, so smaller than the others
  split(n, 4, k * m, kProducts, [&](int64_t j, int64_t end) {
    table.gemm_dot({.a = a.data,
                    .b = b.data + j * b.column,
                    .c = c + j,
                    .m = m,
                    .k = k,
                    .n = end - j,
                    .a_row = a.row,
                    .b_row = b.column,
                    .c_row = n});
  });
}

void small(const KernelTable& table, const Matrix& a, const Matrix& b, float* c, int64_t m, int64_t k, int64_t n) {
  constexpr int64_t kProducts = 1 << 20;
  const auto part = [&](int64_t i, int64_t rows, int64_t j, int64_t columns) {
    table.gemm({.a = a.data + i * a.row,
                .b = b.data + j,
                .c = c + i * n + j,
                .m = rows,
                .k = k,
                .n = columns,
                .a_row = a.row,
                .a_column = a.column,
                .b_row = b.row,
                .c_row = n});
  };
  if (m >= n) return split(m, 12, k * n, kProducts, [&](int64_t i, int64_t end) { part(i, end - i, 0, n); });
  split(n, 64, k * m, kProducts, [&](int64_t j, int64_t end) { part(0, m, j, end - j); });
}

}  // namespace

void gemm(const KernelTable& table, const Matrix& a, const Matrix& b, float* c, int64_t m, int64_t k, int64_t n) {
  constexpr int64_t kFewRows = 16;  // up to here, transposing b would cost more than the sums across vectors
  if (m == 0 || n == 0) return;
  if (b.column != 1 && a.column == 1 && m <= kFewRows) return dot(table, a, b, c, m, k, n);
  const bool is_large = m > kFewRows && k > 0 && m * n > kLargeProduct / k;
  if (is_large && std::string_view(table.isa) == "scalar") return large(a, b, c, m, k, n);
  const auto run = is_large ? blocked : small;
  if (b.column == 1) return run(table, a, b, c, m, k, n);
  const Tensor rows = transposed(b, k, n);
  run(table, a, {rows.data<float>(), n, 1}, c, m, k, n);
}

}  // namespace pith::ops
