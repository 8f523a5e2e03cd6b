// Matrix products of plain rows. A tile of M rows by N vectors of columns stays in registers over the whole depth; the
// last vector of a row is cut by a mask, so there is one loop for every width.

static constexpr int kGemmRows = Vec::kRegisters == 32 ? 6 : 4;
static constexpr int kGemmVectors = Vec::kRegisters == 32 ? 4 : 2;

/// Rows i0 .. i0 + M, columns j0 .. j0 + (N - 1) kWidth + last; 1 <= last <= kWidth.
template <int M, int N, bool kCut>
static inline void gemm_tile(const Gemm& g, int64_t i0, int64_t j0, int last) {
  const float* const a = g.a + i0 * g.a_row;
  const float* b = g.b + j0;
  Vec sum[M][N];
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) sum[i][j] = Vec::zero();
  for (int64_t p = 0; p < g.k; ++p, b += g.b_row) {
    Vec right[N];
    for (int j = 0; j + 1 < N; ++j) right[j] = Vec::load(b + j * Vec::kWidth);
    right[N - 1] = kCut ? Vec::load(b + (N - 1) * Vec::kWidth, last) : Vec::load(b + (N - 1) * Vec::kWidth);
    for (int i = 0; i < M; ++i) {
      const Vec left = Vec::set(a[i * g.a_row + p * g.a_column]);
      for (int j = 0; j < N; ++j) sum[i][j] = fma(left, right[j], sum[i][j]);
    }
  }
  for (int i = 0; i < M; ++i) {
    float* const c = g.c + (i0 + i) * g.c_row + j0;
    if (g.add) {
      for (int j = 0; j + 1 < N; ++j) sum[i][j] = sum[i][j] + Vec::load(c + j * Vec::kWidth);
      sum[i][N - 1] = sum[i][N - 1] + Vec::load(c + (N - 1) * Vec::kWidth, last);
    }
    for (int j = 0; j + 1 < N; ++j) sum[i][j].store(c + j * Vec::kWidth);
    sum[i][N - 1].store(c + (N - 1) * Vec::kWidth, last);
  }
}

template <int M, int N>
static inline void gemm_columns(const Gemm& g, int64_t i0, int64_t j0, int last) {
  last == Vec::kWidth ? gemm_tile<M, N, false>(g, i0, j0, last) : gemm_tile<M, N, true>(g, i0, j0, last);
}

/// All rows of the columns j0 .. j0 + (N - 1) kWidth + last.
template <int N>
static void gemm_panel(const Gemm& g, int64_t j0, int last) {
  int64_t i = 0;
  for (; i + kGemmRows <= g.m; i += kGemmRows) gemm_columns<kGemmRows, N>(g, i, j0, last);
  for (; i + 2 <= g.m; i += 2) gemm_columns<2, N>(g, i, j0, last);
  if (i < g.m) gemm_columns<1, N>(g, i, j0, last);
}

static void gemm(const Gemm& g) {
  int64_t j = 0;
  constexpr int64_t kPanel = kGemmVectors * Vec::kWidth;
  for (; j + kPanel <= g.n; j += kPanel) gemm_panel<kGemmVectors>(g, j, Vec::kWidth);
  for (; j + 2 * Vec::kWidth <= g.n; j += 2 * Vec::kWidth) gemm_panel<2>(g, j, Vec::kWidth);
  for (; j < g.n; j += Vec::kWidth)
    gemm_panel<1>(g, j, g.n - j < Vec::kWidth ? static_cast<int>(g.n - j) : Vec::kWidth);
}

/// Rows i0 .. i0 + M of a by rows j0 .. j0 + N of b.
template <int M, int N>
static inline void dot_tile(const GemmDot& g, int64_t i0, int64_t j0) {
  const float *const a = g.a + i0 * g.a_row, *const b = g.b + j0 * g.b_row;
  Vec total[M][N];
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) total[i][j] = Vec::zero();
  int64_t p = 0;
  for (; p + Vec::kWidth <= g.k; p += Vec::kWidth)
    for (int i = 0; i < M; ++i) {
      const Vec left = Vec::load(a + i * g.a_row + p);
      for (int j = 0; j < N; ++j) total[i][j] = fma(left, Vec::load(b + j * g.b_row + p), total[i][j]);
    }
  const int rest = static_cast<int>(g.k - p);
  for (int i = 0; i < M; ++i) {
    const Vec left = Vec::load(a + i * g.a_row + p, rest);
    for (int j = 0; j < N; ++j) {
      total[i][j] = fma(left, Vec::load(b + j * g.b_row + p, rest), total[i][j]);
      g.c[(i0 + i) * g.c_row + j0 + j] = sum(total[i][j]);
    }
  }
}

template <int N>
static inline void dot_columns(const GemmDot& g, int64_t j0) {
  int64_t i = 0;
  for (; i + 4 <= g.m; i += 4) dot_tile<4, N>(g, i, j0);
  for (; i < g.m; ++i) dot_tile<1, N>(g, i, j0);
}

static void gemm_dot(const GemmDot& g) {
  int64_t j = 0;
  for (; j + 4 <= g.n; j += 4) dot_columns<4>(g, j);
  for (; j < g.n; ++j) dot_columns<1>(g, j);
}
