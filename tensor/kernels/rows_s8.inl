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

/// Blocks of 1 x 4: rows are lanes, each with blocks and places of its own, and 16 words of x are gathered for 64
/// weights.
static void int_block_rows(const IntBlockRows& c) {
  for (int64_t panel = c.begin; panel < c.end; ++panel)
    for (int part = 0; part < 16; part += Int::kWidth) {
      Int sum[2] = {Int::set(0), Int::set(0)};
      const auto add = [&](int64_t step, Int& to) {
        const int64_t at = step * 16 + part;
        to = dot_signed(to, gather_words(c.x, c.places + at), Int::load(c.blocks + at));
      };
      const int64_t end = c.start[panel + 1];
      int64_t step = c.start[panel];
      for (; step + 2 <= end; step += 2) add(step, sum[0]), add(step + 1, sum[1]);
      if (step < end) add(step, sum[0]);
      (sum[0] + sum[1]).store(c.sums + panel * 16 + part);
    }
}
