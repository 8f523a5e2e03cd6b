#include "tensor/ops/sparse_plan.h"

#include <algorithm>
#include <array>
#include <mutex>

namespace pith::ops {
namespace {

constexpr int64_t kLines = 512;  // of x in a block: 32 KB. Measured with bench/spmm_bench (spmm/csr rows)
constexpr int64_t kFewWeights = 4;

/// A power of two, so that no block crosses a section.
int64_t block_columns(const SparsePattern& p, int64_t panels) {
  int64_t columns = panels >= 3 ? kLines / 4 : kLines / panels;
  while (columns < SparsePattern::kSection && columns < p.cols && p.kept() * columns < kFewWeights * p.rows * p.cols)
    columns *= 2;
  return columns;
}

/// Falling by length; equal ones stay in the order of rows.
void sort_by_length(std::vector<SparseRun>& runs) {
  std::stable_sort(runs.begin(), runs.end(), [](const SparseRun& a, const SparseRun& b) { return a.count > b.count; });
}

}  // namespace

SparsePlan make_sparse_plan(const SparsePattern& p, int64_t panels) {
  const int64_t width = block_columns(p, panels);
  SparsePlan plan;
  plan.rows = p.rows;
  plan.cols = p.cols;
  plan.blocks_per_chunk = (p.cols + width - 1) / width;
  std::vector<std::vector<SparseRun>> lists(static_cast<size_t>(plan.blocks_per_chunk));
  for (int64_t row0 = 0; row0 < p.rows; row0 += SparsePlan::kChunk) {
    for (auto& list : lists) list.clear();
    for (int64_t row = row0; row < std::min(p.rows, row0 + SparsePlan::kChunk); ++row)
      for (int64_t b = 0; b < plan.blocks_per_chunk; ++b) {
        const int64_t section = b * width / SparsePattern::kSection;
        const int64_t first_column = b * width % SparsePattern::kSection;
        const uint16_t* const begin = p.columns + p.row_ptr[section * p.rows + row];
        const uint16_t* const end = p.columns + p.row_ptr[section * p.rows + row + 1];
        const uint16_t* const from = std::lower_bound(begin, end, first_column);
        const uint16_t* const to = std::lower_bound(from, end, first_column + width);
        if (from != to || b == 0 || b + 1 == plan.blocks_per_chunk)
          lists[static_cast<size_t>(b)].push_back(
              {static_cast<uint32_t>(row), static_cast<uint32_t>(from - p.columns), static_cast<uint32_t>(to - from)});
      }
    for (int64_t b = 0; b < plan.blocks_per_chunk; ++b) {
      auto& list = lists[static_cast<size_t>(b)];
      sort_by_length(list);
      plan.blocks.push_back({.column0 = b * width,
                             .columns = std::min(width, p.cols - b * width),
                             .first_run = static_cast<int64_t>(plan.runs.size()),
                             .run_count = static_cast<int64_t>(list.size())});
      plan.runs.insert(plan.runs.end(), list.begin(), list.end());
    }
  }
  return plan;
}

struct SparsePlans::Made {
  std::array<std::once_flag, 3> once;
  std::array<SparsePlan, 3> plans;
};

SparsePlans::SparsePlans() : made_(std::make_shared<Made>()) {}

const SparsePlan& SparsePlans::get(const SparsePattern& pattern, int64_t panels) const {
  const int64_t width = panels >= 3 ? 4 : panels;
  const size_t i = width == 4 ? 2 : static_cast<size_t>(width - 1);
  std::call_once(made_->once[i], [&] { made_->plans[i] = make_sparse_plan(pattern, width); });
  return made_->plans[i];
}

}  // namespace pith::ops
