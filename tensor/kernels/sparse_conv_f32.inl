// Sparse float convolution. A tile of R rows by Q outputs of one channel stays in registers while the channel's list of
// kept weights is walked: a broadcast and R Q multiply-adds a weight, each with a load of its own. Loads bind (R Q + 2
// for R Q products), so they must come from the first-level cache: input channels pass in blocks whose lines under the
// tile about fit it, and the sums of a tile wait in y between blocks. Neighbouring taps of one kernel row share their
// loads, and the first and last outputs of a row leave out the taps that fall on the border (KeptTaps).

/// A tile of these is the one that knows pairs and borders: two long rows, because their lines have fixed distances,
/// which cost no address register (four short ones do).
static constexpr int kSparseRows = 2, kSparseOutputs = kWide ? 8 : 4;

/// Sums side by side for one output line, so that short tiles have enough chains open.
template <int N>
inline constexpr int kSparseChains = N >= 8   ? 1
                                     : N >= 4 ? 2
                                              : 4;

/// Where the lines under a tile lie, in floats.
struct TileLines {
  const float* x;  ///< of tap (0, 0) of the tile's first output
  int64_t row, step;
};

/// Adds the weights begin .. end - 1, one by one, to the sums of outputs kFrom .. kTo - 1 of every row.
template <int R, int Q, int kFrom, int kTo>
[[gnu::always_inline]] static inline void add_kept(const SparseWindowConv& c, const TileLines& t, uint32_t begin,
                                                   uint32_t end, Vec (&sum)[R * Q]) {
  constexpr int U = kSparseChains<R * Q>;
  const float* const values = c.values;
  const int32_t* const offsets = c.kept.offsets;
  Vec more[U][R * Q];  // the first stays unused
  for (int u = 1; u < U; ++u)
    for (int i = 0; i < R * Q; ++i) more[u][i] = Vec::zero();
  uint32_t k = begin;
  if constexpr (U > 1) {
    for (; k + U <= end; k += U)
      for (int u = 0; u < U; ++u) {
        const float* const tap = t.x + static_cast<int64_t>(offsets[k + static_cast<uint32_t>(u)]) * 16;
        const Vec weight = pinned(Vec::set(values[k + static_cast<uint32_t>(u)]));
        Vec(&to)[R * Q] = u == 0 ? sum : more[u];
        for (int i = 0; i < R * Q; ++i) to[i] = fma(weight, Vec::load(tap + i / Q * t.row + i % Q * t.step), to[i]);
      }
  }
  for (; k < end; ++k) {
    const float* const tap = t.x + static_cast<int64_t>(offsets[k]) * 16;
    const Vec weight = pinned(Vec::set(values[k]));
    // clang-format off
    PITH_UNROLL
    for (int r = 0; r < R; ++r) {
      const float* const line = unknown(tap + r * t.row);  // one address a row, not one a line
      PITH_UNROLL
      for (int q = kFrom; q < kTo; ++q) sum[r * Q + q] = fma(weight, Vec::load(line + q * t.step), sum[r * Q + q]);
    }
    // clang-format on
  }
  for (int u = 1; u < U; ++u)
    for (int i = 0; i < R * Q; ++i) sum[i] = sum[i] + more[u][i];
}

/// Adds pairs of neighbouring taps: line q serves the first tap of output q and the second of output q - 1, so Q + 1
/// lines a row serve 2 Q products. kFrom, kTo: the lines that are not border.
template <int R, int Q, int kFrom, int kTo>
[[gnu::always_inline]] static inline void add_pairs(const SparseWindowConv& c, const TileLines& t, uint32_t begin,
                                                    uint32_t end, Vec (&sum)[R * Q]) {
  for (uint32_t k = begin; k < end; k += 2) {
    const float* const tap = t.x + static_cast<int64_t>(c.kept.offsets[k]) * 16;
    const Vec first = pinned(Vec::set(c.values[k])), second = pinned(Vec::set(c.values[k + 1]));
    // clang-format off
    PITH_UNROLL
    for (int r = 0; r < R; ++r) {
      const float* const lines = unknown(tap + r * t.row);
      PITH_UNROLL
      for (int q = kFrom; q < kTo; ++q) {
        const Vec line = pinned(Vec::load(lines + q * 16));
        if (q < Q) sum[r * Q + q] = fma(first, line, sum[r * Q + q]);
        if (q > 0) sum[r * Q + q - 1] = fma(second, line, sum[r * Q + q - 1]);
      }
    }
    // clang-format on
  }
}

/// A whole list. kEdge: the borders that the tile touches; kAnywhere: a tile that knows neither borders nor pairs,
/// whose weights are walked one by one.
constexpr int kAnywhere = -1;
template <int R, int Q, int kEdge>
[[gnu::always_inline]] static inline void add_list(const SparseWindowConv& c, const TileLines& t, const uint32_t* start,
                                                   Vec (&sum)[R * Q]) {
  if constexpr (kEdge == kAnywhere) {
    add_kept<R, Q, 0, Q>(c, t, start[0], start[KeptTaps::kParts], sum);
  } else {
    constexpr int kFirst = (kEdge & kLeft) != 0, kLast = Q - ((kEdge & kRight) != 0);
    constexpr int kInsideFrom = kFirst ? KeptTaps::kInside : KeptTaps::kOnLeft;
    constexpr int kInsideTo = kLast < Q ? KeptTaps::kOnRight : KeptTaps::kPairsOnLeft;
    if constexpr (kFirst != 0) add_kept<R, Q, 1, Q>(c, t, start[KeptTaps::kOnLeft], start[KeptTaps::kInside], sum);
    add_kept<R, Q, 0, Q>(c, t, start[kInsideFrom], start[kInsideTo], sum);
    if constexpr (kLast < Q)
      add_kept<R, Q, 0, Q - 1>(c, t, start[KeptTaps::kOnRight], start[KeptTaps::kPairsOnLeft], sum);
    add_pairs<R, Q, kFirst, Q + 1>(c, t, start[KeptTaps::kPairsOnLeft], start[KeptTaps::kPairs], sum);
    add_pairs<R, Q, 0, kLast + 1>(c, t, start[KeptTaps::kPairs], start[KeptTaps::kParts], sum);
  }
}

/// One output channel, one block of input channels. kFirst: the sums begin here; else they wait in y.
template <int R, int Q, int kEdge, bool kFirst>
[[gnu::always_inline]] static inline void sparse_list(const SparseWindowConv& c, const WindowTile& t,
                                                      const TileLines& lines, int64_t block, int64_t channel) {
  const int64_t row = c.window.y_row * 16, step = c.window.y_step * 16;
  float* const y =
      c.window.y + (channel * c.window.y_plane + t.row * c.window.y_row + t.column * c.window.y_step) * 16 + t.part;
  Vec sum[R * Q];
  // clang-format off
  PITH_UNROLL
  for (int i = 0; kFirst && i < R * Q; ++i) ask_to_write_here(y + i / Q * row + i % Q * step);
  PITH_UNROLL
  for (int i = 0; i < R * Q; ++i) sum[i] = kFirst ? Vec::zero() : Vec::load(y + i / Q * row + i % Q * step);
  add_list<R, Q, kEdge>(c, lines, c.kept.start + (block * c.window.channels + channel) * KeptTaps::kParts, sum);
  PITH_UNROLL
  for (int i = 0; i < R * Q; ++i) sum[i].store(y + i / Q * row + i % Q * step);
  // clang-format on
  if (block + 1 < c.kept.blocks) return;
  if (c.window.sums) add_moments<R * Q>(c.window.sums + channel * 32 + t.part, Vec::set(c.window.pivot[channel]), sum);
}

/// The lines of x that a later tile will be the first to read. They come from far away and in more streams than the
/// processor follows by itself: those of one channel are asked for at every list of the first block.
template <int Q>
struct LinesAhead {
  const float* first;                               ///< of channel 0
  int64_t plane, row, step, rows, channels, lists;  ///< distances in lines

  void fetch(int64_t list) const {
    for (int64_t c = list; c < channels; c += lists)
      for (int64_t r = 0; r < rows; ++r)
        for (int q = 0; q < Q; ++q) __builtin_prefetch(first + (c * plane + r * row + q * step) * 16, 0, 3);
  }
};

/// Those of the tile below; of the rows that come next (`ahead`) where there is none.
template <int R, int Q>
static inline LinesAhead<Q> lines_ahead(const RowsAhead& ahead, const float* below, int64_t row, int64_t rows,
                                        int64_t column, const LinesAhead<Q>& at) {
  LinesAhead<Q> lines = at;
  if (row + R < rows) {
    lines.first = below, lines.rows = R;
  } else {
    lines.first = ahead.x + column * 16, lines.rows = ahead.rows;
  }
  return lines;
}

template <int R, int Q, int kStep, int kEdge>
static inline void sparse_tile(const SparseWindowConv& c, int64_t row, int64_t column) {
  const WindowConv& w = c.window;
  const int64_t step = kStep ? kStep : w.x_step;
  const bool finishes = w.scale || w.bias || w.residual || w.relu;
  for (int part = 0; part < 16; part += Vec::kWidth) {
    const WindowTile t{row, column, 0, 0, 0, part};
    const TileLines lines{w.x + (row * w.x_row + column * step) * 16 + part, w.x_row * 16, step * 16};
    const int64_t reach = R * w.x_row + (w.kernel_rows - 1) * w.tap_row;
    const LinesAhead<Q> ahead =
        lines_ahead<R, Q>(c.ahead, lines.x + reach * 16, row, w.rows, column * step,
                          {nullptr, w.x_plane, w.x_row, step, 0, part == 0 ? w.in_channels : 0, w.channels});
    for (int64_t k = 0; k < w.channels; ++k) {
      ahead.fetch(k);
      sparse_list<R, Q, kEdge, true>(c, t, lines, 0, k);
    }
    for (int64_t b = 1; b < c.kept.blocks; ++b)
      for (int64_t k = 0; k < w.channels; ++k) sparse_list<R, Q, kEdge, false>(c, t, lines, b, k);
    if (finishes)
      for (int64_t k = 0; k < w.channels; ++k) finish_window(w, t, k, R, Q);
  }
}

/// Cuts rows x outputs into tiles and calls tile.run<R, Q>(first row, first output).
template <int R, int Q, class Tile>
static inline void sparse_row_of_tiles(int64_t outputs, int64_t row, const Tile& tile) {
  int64_t i = 0;
  for (; i + Q <= outputs; i += Q) tile.template run<R, Q>(row, i);
  if constexpr (Q > 4)
    for (; i + 4 <= outputs; i += 4) tile.template run<R, 4>(row, i);
  if constexpr (Q > 2)
    for (; i + 2 <= outputs; i += 2) tile.template run<R, 2>(row, i);
  for (; i < outputs; ++i) tile.template run<R, 1>(row, i);
}

template <class Tile>
static inline void sparse_tiles(int64_t rows, int64_t outputs, const Tile& tile) {
  int64_t row = 0;
  if (outputs < kSparseOutputs)
    for (; row + 4 <= rows; row += 4) sparse_row_of_tiles<4, kSparseOutputs / 2>(outputs, row, tile);
  for (; row + 2 <= rows; row += 2) sparse_row_of_tiles<kSparseRows, kSparseOutputs>(outputs, row, tile);
  if (row < rows) sparse_row_of_tiles<1, 8>(outputs, row, tile);
}

/// Calls f.run<R, Q, the borders that the tile touches>(): only the widest tiles of neighbouring outputs know them.
template <int R, int Q, int kStep, class F>
static inline void with_edge(bool left, bool right, const F& f) {
  if constexpr (R == kSparseRows && Q == kSparseOutputs && kStep == 1) {
    if (left && right) return f.template run<kLeft | kRight>();
    if (left) return f.template run<kLeft>();
    if (right) return f.template run<kRight>();
    return f.template run<kInside>();
  } else {
    f.template run<kAnywhere>();
  }
}

template <int kStep>
struct SparseForwardTile {
  const SparseWindowConv& c;

  template <int R, int Q>
  struct At {
    const SparseWindowConv& c;
    int64_t row, column;
    template <int kEdge>
    void run() const {
      sparse_tile<R, Q, kStep, kEdge>(c, row, column);
    }
  };
  template <int R, int Q>
  void run(int64_t row, int64_t column) const {
    with_edge<R, Q, kStep>(c.window.clips_left && column == 0, c.window.clips_right && column + Q == c.window.outputs,
                           At<R, Q>{c, row, column});
  }
};

static void sparse_conv_window(const SparseWindowConv& c) {
  const int64_t rows = c.window.rows, outputs = c.window.outputs;
  if (c.window.x_step == 1) return sparse_tiles(rows, outputs, SparseForwardTile<1>{c});
  sparse_tiles(rows, outputs, SparseForwardTile<0>{c});
}
