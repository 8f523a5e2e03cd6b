// Sparse f32 matrices against their rivals, in turns in one process: Eigen's row-major sparse matrix, libxsmm's (where
// its package is there: spmm/csr rows), and as the dense rival whichever is faster, ours, OpenBLAS or (where its
// package is there) oneDNN. Rates count the dense product's operations, so a ratio is a speed-up. One thread, CPU time;
// best and median of the rounds.
//   spmm/csr/512x512/n256/s90      CSR x dense; spmm_dx, sddmm: W^T dy, and dW where the mask keeps
//   spmv/block_16x1/512x512/s65    one vector, formats at rest
//   lstm/block_16x1/650/s90        one LSTM step at batch 1
// Counters: G/s of ours, dense, Eigen and libxsmm, best; over_dense, over_eigen, over_xsmm: ratios of best times;
// ..._median likewise.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#ifdef PITH_BENCH_DNNL
#include <oneapi/dnnl/dnnl.h>
#endif

#include "bench/conv_case.h"
#include "bench/rivals.h"
#include "bench/rivals_eigen.h"
#include "bench/turns.h"
#include "tensor/blas.h"
#include "tensor/formats/csr.h"
#include "tensor/formats/format_table.h"
#include "tensor/formats/lstm_step.h"
#include "tensor/formats/masked_product.h"
#include "tensor/ops/matmul.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pith {
namespace {

using bench::EigenSparse;

using bench::masked_weight;
using bench::n_of_four_mask;
using bench::normal;
using bench::random_mask;
using bench::Rounds;
using bench::Turn;

/// The fastest of the turns whose name begins so, by `time` (Rounds::best or median); infinite where there is none.
double fastest(const Rounds& r, const std::string& prefix, double (Rounds::*time)(size_t) const) {
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < r.turns().size(); ++i)
    if (r.turns()[i].name.starts_with(prefix)) least = std::min(least, (r.*time)(i));
  return least;
}

/// Runs the turns; counts ours beside the fastest dense rival, and the others that take part.
void race(benchmark::State& state, std::vector<Turn> turns) {
  const double operations = turns[0].operations;
  const Rounds r = bench::run_rounds(state, std::move(turns));
  const double ours = fastest(r, "ours", &Rounds::best), ours_median = fastest(r, "ours", &Rounds::median);
  state.counters["G/s"] = operations / ours * 1e-9;
  for (const std::string rival : {"dense", "eigen", "xsmm", "int8"}) {
    const double best = fastest(r, rival, &Rounds::best);
    if (!std::isfinite(best)) continue;
    state.counters[rival + "_G/s"] = operations / best * 1e-9;
    state.counters["over_" + rival] = best / ours;
    state.counters["over_" + rival + "_median"] = fastest(r, rival, &Rounds::median) / ours_median;
  }
}

/// The dense rivals of c [m, n] = op(a) op(b); a, b, c must outlive the turns.
void enter_dense(std::vector<Turn>& turns, bool at, bool bt, const Tensor& a, const Tensor& b, Tensor& c) {
  turns.push_back({"dense ours", 0, [at, bt, a, b] {
                     const Tensor y = at ? ops::matmul_tn(a, b) : bt ? ops::matmul_nt(a, b) : ops::matmul(a, b);
                     benchmark::DoNotOptimize(y.data<float>());
                   }});
  const int64_t m = c.shape()[0], n = c.shape()[1], k = a.shape()[at ? 0 : 1];
  float* const out = c.mutable_data<float>();
  turns.push_back({"dense OpenBLAS", 0, [=] {
                     blas::multiply({.transpose_a = at,
                                     .transpose_b = bt,
                                     .m = m,
                                     .n = n,
                                     .k = k,
                                     .a = a.data<float>(),
                                     .a_row = a.shape()[1],
                                     .b = b.data<float>(),
                                     .b_row = b.shape()[1],
                                     .c = out,
                                     .c_row = n});
                   }});
#ifdef PITH_BENCH_DNNL
  bench::hold_rivals_to_one_thread();
  turns.push_back({"dense oneDNN", 0, [=] {
                     dnnl_sgemm(at ? 'T' : 'N', bt ? 'T' : 'N', m, n, k, 1, a.data<float>(), a.shape()[1],
                                b.data<float>(), b.shape()[1], 0, out, n);
                   }});
#endif
}

enum class Product { forward, input_gradient, weight_gradient };

void spmm(benchmark::State& state, Product product, int64_t size, int64_t n, double sparsity) {
  set_threads(1);
  const double operations = 2.0 * static_cast<double>(size * size * n);
  const auto mask = random_mask({size, size}, sparsity);
  const Tensor w = masked_weight(*mask), x = normal({size, n}, 2), dy = normal({size, n}, 3);
  std::vector<Turn> turns;
  Tensor c = Tensor::empty(product == Product::weight_gradient ? Shape{size, size} : Shape{size, n});
  const auto csr = CsrMatrix::pack({.weight = w, .mask = mask, .quant = {}, .input = {}});
  const ops::SparseMatrix view = static_cast<const CsrMatrix&>(*csr).view();
  const EigenSparse sparse(w);
  Tensor y = Tensor::empty({size, n});
  float* const to = y.mutable_data<float>();
  switch (product) {
    case Product::forward:
      turns.push_back({"ours", operations, [&] { benchmark::DoNotOptimize(ops::spmm(view, x).data<float>()); }});
      turns.push_back({"eigen", operations, [&] { sparse.multiply(x.data<float>(), to, n); }});
      if (const auto rival = bench::xsmm_sparse(w.data<float>(), size, size, x.data<float>(), to, n))
        turns.push_back({"xsmm", operations, rival});
      enter_dense(turns, false, false, w, x, c);
      break;
    case Product::input_gradient:
      turns.push_back({"ours", operations,
                       [&] { benchmark::DoNotOptimize(masked_matmul_transposed(*mask, w, dy).data<float>()); }});
      turns.push_back({"eigen", operations, [&] { sparse.multiply_transposed(dy.data<float>(), to, n); }});
      enter_dense(turns, true, false, w, dy, c);
      break;
    case Product::weight_gradient:
      turns.push_back({"ours", operations, [&] { benchmark::DoNotOptimize(ops::sddmm(view, dy, x).data<float>()); }});
      enter_dense(turns, false, true, dy, x, c);
      break;
  }
  race(state, std::move(turns));
}

/// One vector; every format that holds the mask, at the same density.
void spmv(benchmark::State& state, const char* format, int64_t r, int64_t c, int64_t size, double sparsity) {
  set_threads(1);
  const Shape shape{size, size};
  const double operations = 2.0 * static_cast<double>(size * size);
  const auto mask = c == 0 ? n_of_four_mask(shape, r) : random_mask(shape, sparsity, r, c);
  const Tensor w = masked_weight(*mask), x = normal({1, size}, 2);
  const auto packed = find_format(format)->pack({.weight = w, .mask = mask, .quant = {}, .input = {}});
  const EigenSparse sparse(w);
  Tensor out = Tensor::empty({1, size}), y = Tensor::empty({1, size});
  float* const to = y.mutable_data<float>();
  std::vector<Turn> turns;
  turns.push_back({"ours", operations, [&] { benchmark::DoNotOptimize(packed->linear(x, Tensor()).data<float>()); }});
  turns.push_back({"eigen", operations, [&] { sparse.multiply(x.data<float>(), to, 1); }});
  enter_dense(turns, false, true, x, w, out);
  race(state, std::move(turns));
  state.counters["bytes"] = static_cast<double>(packed->bytes());
}

void lstm(benchmark::State& state, const char* format, int64_t r, int64_t c, int64_t hidden, double sparsity) {
  set_threads(1);
  const double operations = 16.0 * static_cast<double>(hidden * hidden);
  const Tensor bias = normal({4 * hidden}, 5), x = normal({1, hidden}, 6);
  const auto mask =
      c == 0 ? n_of_four_mask({4 * hidden, hidden}, r) : random_mask({4 * hidden, hidden}, sparsity, r, c);
  const Tensor w = masked_weight(*mask);
  const auto pack = [&](const char* name) {
    return find_format(name)->pack({.weight = w, .mask = mask, .quant = {}, .input = {}});
  };
  const LstmStepState before{normal({1, hidden}, 7), normal({1, hidden}, 8)};
  const PackedLstm dense{pack("dense"), pack("dense"), bias}, sparse{pack(format), pack(format), bias};
  std::vector<Turn> turns;
  turns.push_back({"ours", operations, [&] { benchmark::DoNotOptimize(lstm_step(sparse, x, before)); }});
  turns.push_back({"dense", operations, [&] { benchmark::DoNotOptimize(lstm_step(dense, x, before)); }});
  race(state, std::move(turns));
}

/// A scale for each row: its largest element is 127.
std::shared_ptr<const QuantParams> row_scales(const Tensor& w) {
  QuantParams q;
  const int64_t cols = w.shape()[1];
  for (int64_t r = 0; r < w.shape()[0]; ++r) {
    float most = 0;
    for (int64_t c = 0; c < cols; ++c) most = std::max(most, std::abs(w.data<float>()[r * cols + c]));
    q.scale.push_back(most / 127);
  }
  return std::make_shared<const QuantParams>(q);
}

/// The same step on 8-bit weights; with a sparsity, of which blocks of 1 x 4 are kept, beside whole ones, too.
void lstm_int8(benchmark::State& state, int64_t hidden, double sparsity) {
  set_threads(1);
  const Tensor bias = normal({4 * hidden}, 5), x = normal({1, hidden}, 6), w = normal({4 * hidden, hidden}, 1);
  const PackSource source{.weight = w, .mask = {}, .quant = row_scales(w), .input = {}};
  PackSource pruned = source;
  pruned.mask = random_mask(w.shape(), sparsity, 1, 4);
  zero_pruned(*pruned.mask, pruned.weight = w.clone());
  const LstmStepState before{normal({1, hidden}, 7), normal({1, hidden}, 8)};
  const double operations = 16.0 * static_cast<double>(hidden * hidden);
  std::vector<Turn> turns;
  const auto enter = [&](const char* name, const char* format, const PackSource& from) {
    const auto packed = [&] { return find_format(format)->pack(from); };
    turns.push_back({name, operations, [lstm = PackedLstm{packed(), packed(), bias}, x, before] {
                       benchmark::DoNotOptimize(lstm_step(lstm, x, before));
                     }});
  };
  enter("ours", sparsity == 0 ? "int8" : "int8_1x4", pruned);
  enter("dense", "dense", source);
  if (sparsity > 0) enter("int8", "int8", source);
  race(state, std::move(turns));
}

std::string percent(double sparsity) { return "/s" + std::to_string(static_cast<int>(sparsity * 100 + 0.5)); }

template <class F>
void add_row(const std::string& name, const F& f) {
  benchmark::RegisterBenchmark(name.c_str(), f)->UseManualTime();
}

void register_spmm(int64_t size) {
  const std::string square = std::to_string(size) + "x" + std::to_string(size);
  for (const auto& [name, product] : {std::pair{"spmm/csr/", Product::forward},
                                      {"spmm/csr_dx/", Product::input_gradient},
                                      {"spmm/sddmm/", Product::weight_gradient}})
    for (const int64_t n : {32, 256, 1024})
      for (const double s : {0.5, 0.7, 0.8, 0.9, 0.95, 0.99})
        add_row(name + square + "/n" + std::to_string(n) + percent(s),
                [=](benchmark::State& state) { spmm(state, product, size, n, s); });
}

struct VectorFormat {
  const char* name;
  int64_t r, c;  ///< its block; c = 0: r of 4
};

void register_vectors() {
  add_row("lstm/int8/650", [](benchmark::State& state) { lstm_int8(state, 650, 0); });
  for (const double s : {0.8, 0.9, 0.95})
    add_row("lstm/int8_1x4/650" + percent(s), [=](benchmark::State& state) { lstm_int8(state, 650, s); });
  for (const VectorFormat& f : std::initializer_list<VectorFormat>{{"csr", 1, 1},
                                                                   {"block_16x1", 16, 1},
                                                                   {"block_8x1", 8, 1},
                                                                   {"block_4x1", 4, 1},
                                                                   {"block_8x2", 8, 2},
                                                                   {"block_4x4", 4, 4},
                                                                   {"block_1x4", 1, 4},
                                                                   {"block_1x8", 1, 8},
                                                                   {"block_1x16", 1, 16},
                                                                   {"2_of_4", 2, 0},
                                                                   {"1_of_4", 1, 0}}) {
    const std::string name = f.name;
    const auto levels = f.c == 0 ? std::vector<double>{1 - static_cast<double>(f.r) / 4}
                                 : std::vector<double>{0.3, 0.5, 0.65, 0.8, 0.9, 0.95};
    for (const int64_t size : {512, 1024, 2048})
      for (const double s : levels)
        add_row("spmv/" + name + "/" + std::to_string(size) + "x" + std::to_string(size) + percent(s),
                [=](benchmark::State& state) { spmv(state, f.name, f.r, f.c, size, s); });
    for (const double s : f.c == 0 ? levels : std::vector<double>{0.8, 0.9, 0.95})
      add_row("lstm/" + name + "/650" + percent(s),
              [=](benchmark::State& state) { lstm(state, f.name, f.r, f.c, 650, s); });
  }
}

const bool registered = [] {
  for (const int64_t size : {512, 1024, 2048}) register_spmm(size);
  register_vectors();
  return true;
}();

}  // namespace
}  // namespace pith
