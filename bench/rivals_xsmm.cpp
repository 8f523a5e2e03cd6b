// libxsmm 1.17 (Debian's libxsmm-dev) in the same process; compiled only where the package is there. Its product of a
// sparse matrix with a dense one is libxsmm_spmdm: sparse slices made beforehand, multiplied as they are.
#include "bench/rivals.h"

#ifdef PITH_BENCH_XSMM
#include <libxsmm.h>

#include <memory>

namespace pith::bench {
namespace {

struct Sparse {
  libxsmm_spmdm_handle handle = {};
  libxsmm_CSR_sparseslice* slices = nullptr;

  Sparse(const float* w, int64_t rows, int64_t cols, int64_t n) {
    libxsmm_init();
    libxsmm_spmdm_init(static_cast<int>(rows), static_cast<int>(n), static_cast<int>(cols), 1, &handle, &slices);
    const int blocks = libxsmm_spmdm_get_num_createSparseSlice_blocks(&handle);
    for (int i = 0; i < blocks; ++i) libxsmm_spmdm_createSparseSlice_fp32_thread(&handle, 'N', w, slices, i, 0, 1);
  }
  Sparse(const Sparse&) = delete;
  Sparse& operator=(const Sparse&) = delete;
  ~Sparse() { libxsmm_spmdm_destroy(&handle); }
};

}  // namespace

std::function<void()> xsmm_sparse(const float* w, int64_t rows, int64_t cols, const float* x, float* y, int64_t n) {
  auto sparse = std::make_shared<Sparse>(w, rows, cols, n);
  return [=] {
    const float one = 1, zero = 0;
    const int blocks = libxsmm_spmdm_get_num_compute_blocks(&sparse->handle);
    for (int i = 0; i < blocks; ++i)
      libxsmm_spmdm_compute_fp32_thread(&sparse->handle, 'N', 'N', &one, sparse->slices, x, 'N', &zero, y, i, 0, 1);
  };
}

}  // namespace pith::bench

#else

namespace pith::bench {
std::function<void()> xsmm_sparse(const float*, int64_t, int64_t, const float*, float*, int64_t) { return {}; }
}  // namespace pith::bench

#endif
