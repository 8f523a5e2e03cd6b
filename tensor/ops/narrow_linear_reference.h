// The slow twin of products with narrow weights. Never optimised. ws: what the codes stand for, level - zero, [rows,
// cols]; xs: s8 [n, cols].
#pragma once

#include <cstdint>

namespace pith::ops::reference {

/// Sum of the columns [begin, end) of one row and one column of x.
inline int64_t narrow_sum(const int32_t* ws, const int8_t* xs, int64_t begin, int64_t end) {
  int64_t sum = 0;
  for (int64_t c = begin; c < end; ++c) sum += int64_t{ws[c]} * xs[c];
  return sum;
}

/// scale[g] times the sum of each group of `group` columns, added up.
inline double narrow_dot(const int32_t* ws, const int8_t* xs, int64_t cols, int64_t group, const float* scale) {
  double y = 0;
  for (int64_t g = 0; g * group < cols; ++g) {
    const int64_t end = (g + 1) * group < cols ? (g + 1) * group : cols;
    y += double{scale[g]} * static_cast<double>(narrow_sum(ws, xs, g * group, end));
  }
  return y;
}

}  // namespace pith::ops::reference
