// Sparse matrix times panels of lines, and the gradient of its weights. Each kept weight is one broadcast and one
// multiply-add per panel. What bounds it is loads, one per multiply-add, so the caller cuts columns into blocks whose
// lines of x stay in the first-level cache, and puts runs of equal length side by side: two of them go through the loop
// together, and its trip count is predicted.

/// Columns are counted from column0; the pointer may lie before the first line, nothing there is read.
static inline const float* line_of_column_0(const float* x, int64_t column0, int64_t column_floats = 16) {
  return reinterpret_cast<const float*>(reinterpret_cast<uintptr_t>(x) -
                                        static_cast<uintptr_t>(column0 * column_floats) * sizeof(float));
}

/// Sums of up to two rows, T panels, with U sums each so that enough are open at once.
template <int T, int U>
struct RowSums {
  Vec sum[U][T];
};

template <int T, int U>
static inline void begin_row(const SparseProduct& p, uint32_t row, int part, RowSums<T, U>& s) {
  for (int t = 0; t < T; ++t) {
    s.sum[0][t] = p.before ? Vec::load(p.before + row * p.before_row + t * p.before_panel + part)
                           : Vec::set(p.bias ? p.bias[row] : 0.0f);
    for (int u = 1; u < U; ++u) s.sum[u][t] = Vec::zero();
  }
}

template <int T, int U>
static inline void end_row(const SparseProduct& p, uint32_t row, int part, RowSums<T, U>& s) {
  float* const y = p.y + row * p.y_row + part;
  for (int t = 0; t < T; ++t) {
    Vec v = s.sum[0][t];
    for (int u = 1; u < U; ++u) v = v + s.sum[u][t];
    if (t + 1 == T && p.last < 16)
      v.store(y + t * p.y_panel, static_cast<int>(p.last) - part);
    else
      v.store(y + t * p.y_panel);
  }
}

/// Where a run's weights lie, and the panels of x: plain pointers, so that the loop keeps them in registers.
struct RunWeights {
  const float* values;
  const uint16_t* columns;
  int64_t count;
};
static inline RunWeights weights_of(const SparseProduct& p, const SparseRun& run) {
  return {p.values + run.first, p.columns + run.first, run.count};
}

/// Lines of x: a panel's after one another, or (kSide) the T panels' side by side, so that one address serves all.
template <int T, bool kSide>
struct PanelLines {
  const float* x[kSide ? 1 : T];
};

template <int T, bool kSide>
static inline void add_weight(const RunWeights& w, int64_t k, const PanelLines<T, kSide>& lines, Vec* sum) {
  const Vec weight = pinned(Vec::set(w.values[k]));
  const uint64_t at = static_cast<uint64_t>(w.columns[k]) * (kSide ? T * 16 : 16);
  for (int t = 0; t < T; ++t)
    sum[t] = fma(weight, Vec::load(kSide ? lines.x[0] + at + t * 16 : lines.x[t] + at), sum[t]);
}

template <int T, int U, bool kSide>
static inline void run_pair(const SparseProduct& p, const PanelLines<T, kSide>& lines, const SparseRun* runs,
                            int part) {
  RowSums<T, U> first, second;
  begin_row(p, runs[0].row, part, first);
  begin_row(p, runs[1].row, part, second);
  const RunWeights a = weights_of(p, runs[0]), b = weights_of(p, runs[1]);
  const int64_t both = a.count < b.count ? a.count : b.count;
  int64_t k = 0;
  for (; k + U <= both; k += U)
    for (int u = 0; u < U; ++u) {
      add_weight(a, k + u, lines, first.sum[u]);
      add_weight(b, k + u, lines, second.sum[u]);
    }
  for (int64_t i = k; i < a.count; ++i) add_weight(a, i, lines, first.sum[0]);
  for (int64_t i = k; i < b.count; ++i) add_weight(b, i, lines, second.sum[0]);
  end_row(p, runs[0].row, part, first);
  end_row(p, runs[1].row, part, second);
}

template <int T, int U, bool kSide>
static void sparse_rows(SparseProduct p) {  // a copy: stores of vectors would have every field read again
  for (int part = 0; part < 16; part += Vec::kWidth) {
    PanelLines<T, kSide> lines;
    const float* const x = line_of_column_0(p.x, p.column0, kSide ? T * 16 : 16) + part;
    for (int t = 0; t < (kSide ? 1 : T); ++t) lines.x[t] = x + t * p.x_panel;
    int64_t i = 0;
    for (; i + 2 <= p.run_count; i += 2) run_pair<T, U>(p, lines, p.runs + i, part);
    if (i < p.run_count) {
      RowSums<T, U> sums;
      begin_row(p, p.runs[i].row, part, sums);
      const RunWeights w = weights_of(p, p.runs[i]);
      for (int64_t k = 0; k < w.count; ++k) add_weight(w, k, lines, sums.sum[0]);
      end_row(p, p.runs[i].row, part, sums);
    }
  }
}

template <int T, int U>
static void sparse_rows_of(const SparseProduct& p) {
  p.side_by_side ? sparse_rows<T, U, true>(p) : sparse_rows<T, U, false>(p);
}

static void spmm(const SparseProduct& p) {
  switch (p.panels) {
    case 4:
      return sparse_rows_of<4, 1>(p);
    case 3:
      return sparse_rows_of<3, 1>(p);
    case 2:
      return sparse_rows_of<2, 2>(p);
    default:
      return sparse_rows<1, 4, false>(p);
  }
}

/// The sum over T panels of a line of x with the row's dy: one vector, to be added up across.
template <int T>
static inline Vec weight_products(const float* line, int64_t x_panel, const Vec* dy) {
  Vec v = Vec::load(line) * dy[0];
  for (int t = 1; t < T; ++t) v = fma(Vec::load(line + t * x_panel), dy[t], v);
  return v;
}

template <int T>
static void sparse_gradient_rows(const SparseGradient& p) {
  for (int part = 0; part < 16; part += Vec::kWidth) {
    const float* const x = line_of_column_0(p.x, p.column0) + part;
    const auto products = [&](uint32_t k, const Vec* dy) {
      return weight_products<T>(x + static_cast<uint64_t>(p.columns[k]) * 16, p.x_panel, dy);
    };
    for (int64_t i = 0; i < p.run_count; ++i) {
      const SparseRun run = p.runs[i];
      Vec dy[T];
      for (int t = 0; t < T; ++t) dy[t] = Vec::load(p.dy + run.row * p.dy_row + t * p.dy_panel + part);
      const uint32_t end = run.first + run.count;
      uint32_t k = run.first;
      for (; k + 4 <= end; k += 4)
        add_sums_of_four(products(k, dy), products(k + 1, dy), products(k + 2, dy), products(k + 3, dy), p.dvalues + k);
      for (; k < end; ++k) p.dvalues[k] += sum(products(k, dy));
    }
  }
}

static void sddmm(const SparseGradient& p) {
  switch (p.panels) {
    case 4:
      return sparse_gradient_rows<4>(p);
    case 3:
      return sparse_gradient_rows<3>(p);
    case 2:
      return sparse_gradient_rows<2>(p);
    default:
      return sparse_gradient_rows<1>(p);
  }
}

/// Every panel has loads of its own, so that the stride of each is seen and fetched ahead.
template <int T>
static void copy_panels(const LinePanels& p) {
  for (int part = 0; part < 16; part += Vec::kWidth) {
    const float* from = p.x + part;
    float* to = p.out + part;
    const int last = static_cast<int>(p.last) - part;
    for (int64_t c = 0; c < p.columns; ++c, from += p.x_row, to += p.out_column) {
      for (int t = 0; t + 1 < T; ++t) Vec::load(from + t * 16).store(to + t * p.out_panel);
      const Vec end = p.last < 16 ? Vec::load(from + (T - 1) * 16, last) : Vec::load(from + (T - 1) * 16);
      end.store(to + (T - 1) * p.out_panel);
    }
  }
}

static void line_panels(const LinePanels& p) {
  switch (p.panels) {
    case 4:
      return copy_panels<4>(p);
    case 3:
      return copy_panels<3>(p);
    case 2:
      return copy_panels<2>(p);
    default:
      return copy_panels<1>(p);
  }
}
