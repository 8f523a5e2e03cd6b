// CsrPattern: where the kept weights of a matrix lie, in compressed sparse rows, without their values. A plain value.
#pragma once

#include <cstdint>
#include <vector>

namespace pith {

class Mask;

struct CsrPattern {
  int64_t rows = 0, cols = 0;
  std::vector<uint32_t> row_ptr;  ///< [rows + 1]: row r keeps places row_ptr[r] .. row_ptr[r + 1]; the last is kept()
  std::vector<uint32_t> col_idx;  ///< [kept]: columns, rising within a row
  int64_t kept() const { return static_cast<int64_t>(col_idx.size()); }
};

/// The same places, column by column.
struct TransposedPattern {
  CsrPattern pattern;            ///< of the transpose: rows and columns have changed sides
  std::vector<uint32_t> source;  ///< [kept]: the place of each in the pattern it was made from
};

/// rows = the mask's first extent, cols = all the rest. Throws ShapeError for more than 2^32 - 1 weights.
CsrPattern csr_pattern(const Mask& mask);
TransposedPattern transposed(const CsrPattern& pattern);

}  // namespace pith
