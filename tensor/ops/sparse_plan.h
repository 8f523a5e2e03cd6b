// How a sparse matrix is walked when it multiplies panels of lines: its columns in blocks whose lines of x fit the
// first-level cache, its rows in chunks, and in each the rows of equal length side by side (kernels/spmm.inl says why).
// Holds places, no weights: the matrix stays as it lies. A function of the pattern alone, so results do not depend on
// threads.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tensor/kernels/table.h"

namespace pith::ops {

/// Where the weights of a sparse matrix lie (formats/csr.h draws it): columns in sections of 65,536, in each the rows.
struct SparsePattern {
  static constexpr int64_t kSection = 65536;
  int64_t rows = 0, cols = 0;
  const uint32_t* row_ptr = nullptr;  ///< [sections rows + 1]
  const uint16_t* columns = nullptr;  ///< [kept], within the section, rising in every row
  int64_t sections() const { return (cols + kSection - 1) / kSection; }
  int64_t kept() const { return row_ptr[sections() * rows]; }
};

struct SparsePlan {
  /// The columns column0 .. column0 + columns of one chunk of rows. Runs are ordered by falling length; the first and
  /// the last block of a chunk list every row, also those without a weight there.
  struct Block {
    int64_t column0 = 0, columns = 0;
    int64_t first_run = 0, run_count = 0;
  };
  static constexpr int64_t kChunk = 512;  ///< rows; T panels of their sums fit half of the second-level cache

  int64_t rows = 0, cols = 0;
  int64_t blocks_per_chunk = 0;
  std::vector<Block> blocks;    ///< [chunks][blocks_per_chunk]
  std::vector<SparseRun> runs;  ///< rows count from the matrix's first
  int64_t chunks() const { return (rows + kChunk - 1) / kChunk; }
};

/// For tiles of `panels` panels (1 .. 4): 512 lines of x a block, more where that would leave a row few weights.
SparsePlan make_sparse_plan(const SparsePattern& pattern, int64_t panels);

/// The plans of one pattern, each made when first asked for; copies share them. Thread-safe.
class SparsePlans {
 public:
  SparsePlans();
  /// `pattern` must be the same at every call.
  const SparsePlan& get(const SparsePattern& pattern, int64_t panels) const;

 private:
  struct Made;
  std::shared_ptr<Made> made_;
};

}  // namespace pith::ops
