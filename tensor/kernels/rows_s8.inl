// Integer products of few vectors with rows of weights as they lie at rest: bound by how fast the weights arrive, so
// every 64 bytes of them are loaded once for up to four vectors, from four rows at a time.

template <int R, int N>
static inline void int_rows_tile(const IntRows& c, int64_t r0, int64_t n0) {
  Int sum[N][R];
  for (int r = 0; r < R; ++r)
    for (int n = 0; n < N; ++n) sum[n][r] = Int::set(0);
  const int8_t* const w = c.w + r0 * c.w_step;
  const uint8_t* const x = c.x + n0 * c.x_step;
  for (int64_t i = 0; i < c.depth; i += 4 * Int::kWidth) {
    Int v[N];
    for (int n = 0; n < N; ++n) v[n] = Int::load(x + n * c.x_step + i);
    for (int r = 0; r < R; ++r) {
      const Int row = Int::load(w + r * c.w_step + i);
      for (int n = 0; n < N; ++n) sum[n][r] = dot_signed(sum[n][r], v[n], row);
    }
  }
  for (int n = 0; n < N; ++n) {
    int32_t* const to = c.sums + (n0 + n) * c.sums_step + r0;
    if constexpr (R == 4)
      totals(sum[n], to);
    else
      for (int r = 0; r < R; ++r) to[r] = total(sum[n][r]);
  }
}

template <int N>
static inline void int_rows_vectors(const IntRows& c, int64_t n0) {
  int64_t r = 0;
  for (; r + 4 <= c.rows; r += 4) int_rows_tile<4, N>(c, r, n0);
  for (; r < c.rows; ++r) int_rows_tile<1, N>(c, r, n0);
}

static void int_rows(const IntRows& c) {
  int64_t n = 0;
  for (; n + 4 <= c.vectors; n += 4) int_rows_vectors<4>(c, n);
  if (c.vectors - n == 3) return int_rows_vectors<3>(c, n);
  if (c.vectors - n == 2) return int_rows_vectors<2>(c, n);
  if (c.vectors - n == 1) return int_rows_vectors<1>(c, n);
}
