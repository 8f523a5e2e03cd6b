// Sparse f32 matrices against their rivals, in turns in one process: Eigen's row-major sparse matrix, and as the dense
// rival whichever is faster, ours, OpenBLAS or (where its package is there) oneDNN. Rates count the dense product's
// operations, so a ratio is a speed-up. One thread, CPU time; best and median of the rounds.
//   spmm/csr/512x512/n256/s90      CSR x dense; spmm_dx, sddmm: W^T dy, and dW where the mask keeps
//   spmv/block_16x1/512x512/s65    one vector, formats at rest
//   lstm/block_16x1/650/s90        one LSTM step at batch 1
// Counters: G/s of ours, dense and Eigen, best; over_dense, over_eigen: ratios of best times; ..._median likewise.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#ifdef PITH_BENCH_DNNL
#include <oneapi/dnnl/dnnl.h>
#endif

#include "bench/cpu_clock.h"
#include "bench/rivals.h"
#include "bench/rivals_eigen.h"
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

Tensor normal(const Shape& shape, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 3, .item = item});
  return t;
}

/// Blocks of r x c weights kept or not, at random.
std::shared_ptr<const Mask> block_mask(const Shape& shape, double sparsity, int64_t r, int64_t c) {
  Random random({.seed = 4});
  const int64_t wide = (shape[1] + c - 1) / c, high = (shape[0] + r - 1) / r;
  std::vector<uint8_t> blocks(static_cast<size_t>(wide * high)), keep(static_cast<size_t>(shape.numel()));
  for (uint8_t& b : blocks) b = random.uniform(0, 1) >= sparsity;
  for (int64_t i = 0; i < shape.numel(); ++i)
    keep[static_cast<size_t>(i)] = blocks[static_cast<size_t>(i / shape[1] / r * wide + i % shape[1] / c)];
  return std::make_shared<const Mask>(Mask::from(Tensor::from(keep, shape)));
}

/// The first N of 4.
std::shared_ptr<const Mask> n_of_four_mask(const Shape& shape, int64_t n) {
  std::vector<uint8_t> keep(static_cast<size_t>(shape.numel()));
  for (int64_t i = 0; i < shape.numel(); ++i) keep[static_cast<size_t>(i)] = (i % shape[1] + i / shape[1]) % 4 < n;
  return std::make_shared<const Mask>(Mask::from(Tensor::from(keep, shape)));
}

Tensor masked_weight(const Mask& mask) {
  Tensor w = normal(mask.shape(), 1);
  zero_pruned(mask, w);
  return w;
}

/// Contestants by name, run in turns; the row's time is that of the first.
class Race {
 public:
  void enter(std::string name, std::function<void()> run) { runners_.push_back({std::move(name), std::move(run), {}}); }
  void go(benchmark::State& state) {
    for (Runner& r : runners_) r.run();
    for (auto _ : state) {
      for (Runner& r : runners_) {
        const double begin = bench::thread_seconds();
        r.run();
        r.times.push_back(bench::thread_seconds() - begin);
      }
      state.SetIterationTime(runners_[0].times.back());
    }
    for (Runner& r : runners_) std::sort(r.times.begin(), r.times.end());
  }
  /// Fastest of the contestants whose name begins so, by best or by median time.
  double best(const std::string& prefix) const {
    return fastest(prefix, [](const auto& t) { return t.front(); });
  }
  double median(const std::string& prefix) const {
    return fastest(prefix, [](const auto& t) { return t[t.size() / 2]; });
  }

 private:
  struct Runner {
    std::string name;
    std::function<void()> run;
    std::vector<double> times;
  };
  template <class Pick>
  double fastest(const std::string& prefix, const Pick& pick) const {
    double time = 1e9;
    for (const Runner& r : runners_)
      if (r.name.rfind(prefix, 0) == 0) time = std::min(time, pick(r.times));
    return time;
  }
  std::vector<Runner> runners_;
};

void count(benchmark::State& state, const Race& race, double operations) {
  const double ours = race.best("ours"), ours_median = race.median("ours");
  state.counters["G/s"] = operations / ours * 1e-9;
  state.counters["dense_G/s"] = operations / race.best("dense") * 1e-9;
  state.counters["over_dense"] = race.best("dense") / ours;
  state.counters["over_dense_median"] = race.median("dense") / ours_median;
  if (race.best("eigen") < 1e9) {
    state.counters["eigen_G/s"] = operations / race.best("eigen") * 1e-9;
    state.counters["over_eigen"] = race.best("eigen") / ours;
    state.counters["over_eigen_median"] = race.median("eigen") / ours_median;
  }
}

/// The dense rivals of c [m, n] = op(a) op(b); a, b, c must outlive the race.
void enter_dense(Race& race, bool at, bool bt, const Tensor& a, const Tensor& b, Tensor& c) {
  race.enter("dense ours", [at, bt, a, b] {
    const Tensor y = at ? ops::matmul_tn(a, b) : bt ? ops::matmul_nt(a, b) : ops::matmul(a, b);
    benchmark::DoNotOptimize(y.data<float>());
  });
  const int64_t m = c.shape()[0], n = c.shape()[1], k = a.shape()[at ? 0 : 1];
  float* const out = c.mutable_data<float>();
  race.enter("dense OpenBLAS", [=] {
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
  });
#ifdef PITH_BENCH_DNNL
  bench::hold_rivals_to_one_thread();
  race.enter("dense oneDNN", [=] {
    dnnl_sgemm(at ? 'T' : 'N', bt ? 'T' : 'N', m, n, k, 1, a.data<float>(), a.shape()[1], b.data<float>(), b.shape()[1],
               0, out, n);
  });
#endif
}

enum class Product { forward, input_gradient, weight_gradient };

void spmm(benchmark::State& state, Product product, int64_t size, int64_t n, double sparsity) {
  set_threads(1);
  const auto mask = block_mask({size, size}, sparsity, 1, 1);
  const Tensor w = masked_weight(*mask), x = normal({size, n}, 2), dy = normal({size, n}, 3);
  Race race;
  Tensor c = Tensor::empty(product == Product::weight_gradient ? Shape{size, size} : Shape{size, n});
  const auto csr = CsrMatrix::pack({.weight = w, .mask = mask, .quant = {}, .input = {}});
  const ops::SparseMatrix view = static_cast<const CsrMatrix&>(*csr).view();
  const EigenSparse sparse(w);
  Tensor y = Tensor::empty({size, n});
  float* const to = y.mutable_data<float>();
  switch (product) {
    case Product::forward:
      race.enter("ours", [&] { benchmark::DoNotOptimize(ops::spmm(view, x).data<float>()); });
      race.enter("eigen", [&] { sparse.multiply(x.data<float>(), to, n); });
      enter_dense(race, false, false, w, x, c);
      break;
    case Product::input_gradient:
      race.enter("ours", [&] { benchmark::DoNotOptimize(masked_matmul_transposed(*mask, w, dy).data<float>()); });
      race.enter("eigen", [&] { sparse.multiply_transposed(dy.data<float>(), to, n); });
      enter_dense(race, true, false, w, dy, c);
      break;
    case Product::weight_gradient:
      race.enter("ours", [&] { benchmark::DoNotOptimize(ops::sddmm(view, dy, x).data<float>()); });
      enter_dense(race, false, true, dy, x, c);
      break;
  }
  race.go(state);
  count(state, race, 2.0 * static_cast<double>(size * size * n));
}

/// One vector; every format that holds the mask, at the same density.
void spmv(benchmark::State& state, const char* format, int64_t r, int64_t c, int64_t size, double sparsity) {
  set_threads(1);
  const Shape shape{size, size};
  const auto mask = c == 0 ? n_of_four_mask(shape, r) : block_mask(shape, sparsity, r, c);
  const Tensor w = masked_weight(*mask), x = normal({1, size}, 2);
  const auto packed = find_format(format)->pack({.weight = w, .mask = mask, .quant = {}, .input = {}});
  const EigenSparse sparse(w);
  Tensor out = Tensor::empty({1, size}), y = Tensor::empty({1, size});
  float* const to = y.mutable_data<float>();
  Race race;
  race.enter("ours", [&] { benchmark::DoNotOptimize(packed->linear(x, Tensor()).data<float>()); });
  race.enter("eigen", [&] { sparse.multiply(x.data<float>(), to, 1); });
  enter_dense(race, false, true, x, w, out);
  race.go(state);
  count(state, race, 2.0 * static_cast<double>(size * size));
  state.counters["bytes"] = static_cast<double>(packed->bytes());
}

void lstm(benchmark::State& state, const char* format, int64_t r, int64_t c, int64_t hidden, double sparsity) {
  set_threads(1);
  const Tensor bias = normal({4 * hidden}, 5), x = normal({1, hidden}, 6);
  const auto mask = c == 0 ? n_of_four_mask({4 * hidden, hidden}, r) : block_mask({4 * hidden, hidden}, sparsity, r, c);
  const Tensor w = masked_weight(*mask);
  const auto pack = [&](const char* name) {
    return find_format(name)->pack({.weight = w, .mask = mask, .quant = {}, .input = {}});
  };
  const LstmStepState before{normal({1, hidden}, 7), normal({1, hidden}, 8)};
  const PackedLstm dense{pack("dense"), pack("dense"), bias}, sparse{pack(format), pack(format), bias};
  Race race;
  race.enter("ours", [&] { benchmark::DoNotOptimize(lstm_step(sparse, x, before)); });
  race.enter("dense", [&] { benchmark::DoNotOptimize(lstm_step(dense, x, before)); });
  race.go(state);
  count(state, race, 16.0 * static_cast<double>(hidden * hidden));
}

std::string percent(double sparsity) { return "/s" + std::to_string(static_cast<int>(sparsity * 100 + 0.5)); }

template <class F>
void add_row(const std::string& name, const F& f) {
  benchmark::RegisterBenchmark(name.c_str(), f)->UseManualTime()->MinTime(0.2);
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
