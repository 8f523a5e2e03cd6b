// Sparse matrix times one vector, or few panels: batch 1. Compressed sparse rows gather; blocks of R x C weights do
// not: the 16 values of a group meet 16 operands that are broadcasts of C neighbours of x each, and a lane belongs to
// the same row throughout, so rows are added up once at their end.

static constexpr int kBlockSums = 4;  // open sums, for the latency of a multiply-add

static void csr_vector(const CsrVector& p) {
  for (int64_t r = 0; r < p.rows; ++r) {
    const uint32_t end = p.row_ptr[r + 1];
    uint32_t k = p.row_ptr[r];
    Vec total[2] = {Vec::zero(), Vec::zero()};
    for (; k + 2 * Vec::kWidth <= end; k += 2 * Vec::kWidth)
      for (int u = 0; u < 2; ++u) {
        const uint32_t at = k + static_cast<uint32_t>(u * Vec::kWidth);
        total[u] = fma(Vec::load(p.values + at), gather(p.x, p.columns + at, Vec::kWidth), total[u]);
      }
    for (; k < end; k += Vec::kWidth) {
      const int count = end - k < Vec::kWidth ? static_cast<int>(end - k) : Vec::kWidth;
      total[0] = fma(Vec::load(p.values + k, count), gather(p.x, p.columns + k, count), total[0]);
    }
    p.y[r] = sum(total[0] + total[1]) + (p.add ? p.y[r] : p.bias ? p.bias[r] : 0.0f);
  }
}

/// Lanes [block][row][column] of a row of blocks to rows.
template <int R, int C>
static inline void write_block_row(const BlockMatrix& m, const VectorOperand& v, int64_t i, const float* lanes) {
  for (int r = 0; r < R && i * R + r < m.rows; ++r) {
    float total = v.bias ? v.bias[i * R + r] : 0.0f;
    for (int b = 0; b < 16; b += R * C)
      for (int c = 0; c < C; ++c) total += lanes[b + r * C + c];
    v.y[i * R + r] = total;
  }
}

template <int R, int C>
static void blocks_vector(const BlockMatrix& m, const VectorOperand& v) {
  constexpr int kBlocks = 16 / (R * C);  // of a group
  for (int64_t i = m.begin; i < m.end; ++i) {
    float lanes[16];
    for (int part = 0; part < 16; part += Vec::kWidth) {
      Vec total[kBlockSums];
      for (int u = 0; u < kBlockSums; ++u) total[u] = Vec::zero();
      const uint32_t end = m.group_ptr[i + 1];
      uint32_t g = m.group_ptr[i];
      const auto add = [&](uint32_t group, Vec& sum) {
        const Vec x = block_operand<R, C>(v.x, m.columns + static_cast<uint64_t>(group) * kBlocks, part);
        sum = fma(x, Vec::load(m.values + static_cast<uint64_t>(group) * 16 + part), sum);
      };
      for (; g + kBlockSums <= end; g += kBlockSums)
        for (uint32_t u = 0; u < kBlockSums; ++u) add(g + u, total[u]);
      for (; g < end; ++g) add(g, total[0]);
      ((total[0] + total[1]) + (total[2] + total[3])).store(lanes + part);
    }
    write_block_row<R, C>(m, v, i, lanes);
  }
}

/// Calls run<R, C>() for the blocks of m.
#define PITH_FOR_BLOCK(run, ...)      \
  switch (m.row * 32 + m.column) {    \
    case 16 * 32 + 1:                 \
      return run<16, 1>(__VA_ARGS__); \
    case 8 * 32 + 1:                  \
      return run<8, 1>(__VA_ARGS__);  \
    case 4 * 32 + 1:                  \
      return run<4, 1>(__VA_ARGS__);  \
    case 8 * 32 + 2:                  \
      return run<8, 2>(__VA_ARGS__);  \
    case 4 * 32 + 4:                  \
      return run<4, 4>(__VA_ARGS__);  \
    case 1 * 32 + 4:                  \
      return run<1, 4>(__VA_ARGS__);  \
    case 1 * 32 + 8:                  \
      return run<1, 8>(__VA_ARGS__);  \
    default:                          \
      return run<1, 16>(__VA_ARGS__); \
  }

static void block_vector(const BlockMatrix& m, const VectorOperand& v) { PITH_FOR_BLOCK(blocks_vector, m, v) }

/// One row of blocks, one panel: R rows stay in registers.
template <int R, int C>
static void blocks_panels(const BlockMatrix& m, const PanelOperand& p) {
  constexpr int kBlocks = 16 / (R * C);
  for (int64_t t = 0; t < p.panels; ++t)
    for (int64_t i = m.begin; i < m.end; ++i)
      for (int part = 0; part < 16; part += Vec::kWidth) {
        const float* const x = p.x + t * p.x_panel + part;
        Vec total[R];
        for (int r = 0; r < R; ++r) total[r] = Vec::set(p.bias && i * R + r < m.rows ? p.bias[i * R + r] : 0.0f);
        const uint64_t end = static_cast<uint64_t>(m.group_ptr[i + 1]) * kBlocks;
        for (uint64_t b = static_cast<uint64_t>(m.group_ptr[i]) * kBlocks; b < end; ++b) {
          const float* const weights = m.values + b * (R * C);
          const float* const lines = x + static_cast<uint64_t>(m.columns[b]) * C * 16;
          for (int c = 0; c < C; ++c) {
            const Vec line = Vec::load(lines + c * 16);
            for (int r = 0; r < R; ++r) total[r] = fma(Vec::set(weights[r * C + c]), line, total[r]);
          }
        }
        for (int r = 0; r < R && i * R + r < m.rows; ++r) total[r].store(p.y + t * p.y_panel + (i * R + r) * 16 + part);
      }
}

static void block_panels(const BlockMatrix& m, const PanelOperand& p) { PITH_FOR_BLOCK(blocks_panels, m, p) }
#undef PITH_FOR_BLOCK

/// `G` panels of 16 rows side by side share the four columns of x.
template <int N, int G>
static inline void n_of_four_rows(const NOfFourMatrix& m, const VectorOperand& v, int64_t panel) {
  for (int part = 0; part < 16; part += Vec::kWidth) {
    Vec total[G][N];
    for (int g = 0; g < G; ++g)
      for (int s = 0; s < N; ++s) total[g][s] = Vec::zero();
    const int64_t slots = m.groups * N;
    for (int64_t i = 0; i < m.groups; ++i) {
      const Four four = repeat_four(v.x + i * 4);
      for (int g = 0; g < G; ++g)
        for (int s = 0; s < N; ++s) {
          const int64_t slot = (panel + g) * slots + i * N + s;
          total[g][s] =
              fma(pick_of_four(four, m.places[slot], part), Vec::load(m.values + slot * 16 + part), total[g][s]);
        }
    }
    for (int g = 0; g < G; ++g) {
      Vec y = total[g][0];
      for (int s = 1; s < N; ++s) y = y + total[g][s];
      const int64_t row = (panel + g) * 16 + part, left = m.rows - row;
      const int count = left < Vec::kWidth ? (left < 0 ? 0 : static_cast<int>(left)) : Vec::kWidth;
      if (v.bias) y = y + Vec::load(v.bias + row, count);
      y.store(v.y + row, count);
    }
  }
}

template <int N>
static void n_of_four(const NOfFourMatrix& m, const VectorOperand& v) {
  constexpr int kPanels = 4 / N;
  int64_t panel = m.begin;
  for (; panel + kPanels <= m.end; panel += kPanels) n_of_four_rows<N, kPanels>(m, v, panel);
  for (; panel < m.end; ++panel) n_of_four_rows<N, 1>(m, v, panel);
}

static void n_of_four_vector(const NOfFourMatrix& m, const VectorOperand& v) {
  m.n == 1 ? n_of_four<1>(m, v) : n_of_four<2>(m, v);
}

static void n_of_four_panels(const NOfFourMatrix& m, const PanelOperand& p) {
  const int64_t first = m.begin * 16, most = m.end * 16, end = most < m.rows ? most : m.rows, slots = m.groups * m.n;
  for (int64_t t = 0; t < p.panels; ++t)
    for (int64_t row = first; row < end; ++row) {
      const int64_t lane = row % 16, slot0 = row / 16 * slots;
      for (int part = 0; part < 16; part += Vec::kWidth) {
        const float* const x = p.x + t * p.x_panel + part;
        Vec total[2] = {Vec::set(p.bias ? p.bias[row] : 0.0f), Vec::zero()};
        for (int64_t s = 0; s < slots; ++s) {
          const uint32_t place = m.places[slot0 + s] >> (2 * lane) & 3u;
          const float* const line = x + (s / m.n * 4 + static_cast<int64_t>(place)) * 16;
          total[s % 2] = fma(Vec::set(m.values[(slot0 + s) * 16 + lane]), Vec::load(line), total[s % 2]);
        }
        (total[0] + total[1]).store(p.y + t * p.y_panel + row * 16 + part);
      }
    }
}
