#include "tensor/formats/csr_pattern.h"

#include <bit>
#include <string>

#include "tensor/error.h"
#include "tensor/formats/mask.h"

namespace pith {

CsrPattern csr_pattern(const Mask& mask) {
  if (mask.numel() > INT64_C(0xffffffff))
    throw ShapeError("csr pattern: the mask " + text(mask.shape()) + " has more weights than 32 bits count");
  CsrPattern p;
  p.rows = mask.shape().rank() == 0 ? 1 : mask.shape()[0];
  p.cols = mask.numel() / p.rows;
  p.row_ptr.reserve(static_cast<size_t>(p.rows) + 1);
  p.row_ptr.push_back(0);
  p.col_idx.reserve(static_cast<size_t>(mask.kept()));
  const std::span<const uint64_t> words = mask.words();
  int64_t end = p.cols;  // of the row at hand
  for (size_t w = 0; w < words.size(); ++w)
    for (uint64_t bits = words[w]; bits != 0; bits &= bits - 1) {
      const int64_t i = static_cast<int64_t>(w) * 64 + std::countr_zero(bits);
      for (; i >= end; end += p.cols) p.row_ptr.push_back(static_cast<uint32_t>(p.col_idx.size()));
      p.col_idx.push_back(static_cast<uint32_t>(i - (end - p.cols)));
    }
  p.row_ptr.resize(static_cast<size_t>(p.rows) + 1, static_cast<uint32_t>(p.col_idx.size()));
  return p;
}

TransposedPattern transposed(const CsrPattern& p) {
  TransposedPattern t;
  t.pattern.rows = p.cols;
  t.pattern.cols = p.rows;
  t.pattern.col_idx.resize(p.col_idx.size());
  t.source.resize(p.col_idx.size());
  std::vector<uint32_t>& ptr = t.pattern.row_ptr;
  ptr.assign(static_cast<size_t>(p.cols) + 1, 0);
  for (const uint32_t c : p.col_idx) ++ptr[c + 1];
  for (size_t c = 1; c < ptr.size(); ++c) ptr[c] += ptr[c - 1];
  std::vector<uint32_t> next(ptr.begin(), ptr.end() - 1);
  for (uint32_t r = 0; r < p.rows; ++r)
    for (uint32_t k = p.row_ptr[r]; k < p.row_ptr[r + 1]; ++k) {
      const uint32_t to = next[p.col_idx[k]]++;
      t.pattern.col_idx[to] = r;
      t.source[to] = k;
    }
  return t;
}

}  // namespace pith
