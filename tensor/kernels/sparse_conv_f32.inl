// Sparse float convolution. A tile of R rows by Q outputs of one channel stays in registers while the channel's list of
// kept weights is walked: a broadcast and R Q multiply-adds a weight, each with a load of its own. Loads bind (R Q + 2
// for R Q products), so they must come from the first-level cache: input channels pass in blocks whose lines under the
// tile fit it, and the sums of a tile wait in y between blocks.

/// Sums side by side for one output line, so that short tiles have enough chains open.
template <int N>
inline constexpr int kSparseChains = N >= 8   ? 1
                                     : N >= 4 ? 2
                                              : 4;

/// Adds the weights begin .. end - 1 to the tile's sums.
template <int R, int Q, int kStep>
[[gnu::always_inline]] static inline void add_kept(const SparseWindowConv& c, const float* x, uint32_t begin,
                                                   uint32_t end, Vec (&sum)[R * Q]) {
  constexpr int U = kSparseChains<R * Q>;
  const int64_t row = c.window.x_row * 16, step = (kStep ? kStep : c.window.x_step) * 16;
  const float* const values = c.values;
  const int32_t* const offsets = c.kept.offsets;
  Vec more[U][R * Q];  // the first stays unused
  for (int u = 1; u < U; ++u)
    for (int i = 0; i < R * Q; ++i) more[u][i] = Vec::zero();
  uint32_t k = begin;
  if constexpr (U > 1) {
    for (; k + U <= end; k += U)
      for (int u = 0; u < U; ++u) {
        const float* const tap = x + static_cast<int64_t>(offsets[k + static_cast<uint32_t>(u)]) * 16;
        const Vec weight = pinned(Vec::set(values[k + static_cast<uint32_t>(u)]));
        Vec(&to)[R * Q] = u == 0 ? sum : more[u];
        for (int i = 0; i < R * Q; ++i) to[i] = fma(weight, Vec::load(tap + i / Q * row + i % Q * step), to[i]);
      }
  }
  for (; k < end; ++k) {
    const float* const tap = x + static_cast<int64_t>(offsets[k]) * 16;
    const Vec weight = pinned(Vec::set(values[k]));
    for (int i = 0; i < R * Q; ++i) sum[i] = fma(weight, Vec::load(tap + i / Q * row + i % Q * step), sum[i]);
  }
  for (int u = 1; u < U; ++u)
    for (int i = 0; i < R * Q; ++i) sum[i] = sum[i] + more[u][i];
}

/// One output channel, one block of input channels. kFirst: the sums begin here; else they wait in y.
template <int R, int Q, int kStep, bool kFirst>
[[gnu::always_inline]] static inline void sparse_list(const SparseWindowConv& c, const WindowTile& t, const float* x,
                                                      int64_t block, int64_t channel) {
  const int64_t row = c.window.y_row * 16, step = c.window.y_step * 16;
  float* const y =
      c.window.y + (channel * c.window.y_plane + t.row * c.window.y_row + t.column * c.window.y_step) * 16 + t.part;
  Vec sum[R * Q];
  for (int i = 0; i < R * Q; ++i) sum[i] = kFirst ? Vec::zero() : Vec::load(y + i / Q * row + i % Q * step);
  const uint32_t* const start = c.kept.start + block * c.window.channels + channel;
  add_kept<R, Q, kStep>(c, x, start[0], start[1], sum);
  for (int i = 0; i < R * Q; ++i) sum[i].store(y + i / Q * row + i % Q * step);
  if (block + 1 < c.kept.blocks) return;
  if (c.window.sums) add_moments<R * Q>(c.window.sums + channel * 32 + t.part, Vec::set(c.window.pivot[channel]), sum);
}

/// The lines of x that the tile below will be the first to read. They come from far away and in more streams than the
/// processor follows by itself: a few are asked for at every list.
template <int R, int Q>
struct LinesBelow {
  const float* first;  ///< of channel 0
  int64_t plane, row, step, channels, blocks;

  void fetch(int64_t block, int64_t channel) const {
    if (channel >= channels) return;
    const float* const p = first + channel * plane * 16;
    for (int64_t i = block; i < R * Q; i += blocks) __builtin_prefetch(p + (i / Q * row + i % Q * step) * 16, 0, 2);
  }
};

template <int R, int Q, int kStep>
static inline void sparse_tile(const SparseWindowConv& c, int64_t row, int64_t column) {
  const int64_t step = kStep ? kStep : c.window.x_step;
  const bool finishes = c.window.scale || c.window.bias || c.window.residual || c.window.relu;
  for (int part = 0; part < 16; part += Vec::kWidth) {
    const WindowTile t{row, column, 0, 0, 0, part};
    const float* const x = c.window.x + (row * c.window.x_row + column * step) * 16 + part;
    const int64_t reach = R * c.window.x_row + (c.window.kernel_rows - 1) * c.window.tap_row;
    const bool fetches = part == 0 && row + R < c.window.rows;
    const LinesBelow<R, Q> below{
        x + reach * 16, c.window.x_plane, c.window.x_row, step, fetches ? c.window.in_channels : 0, c.kept.blocks};
    for (int64_t k = 0; k < c.window.channels; ++k) {
      below.fetch(0, k);
      sparse_list<R, Q, kStep, true>(c, t, x, 0, k);
    }
    for (int64_t b = 1; b < c.kept.blocks; ++b)
      for (int64_t k = 0; k < c.window.channels; ++k) {
        below.fetch(b, k);
        sparse_list<R, Q, kStep, false>(c, t, x, b, k);
      }
    if (finishes)
      for (int64_t k = 0; k < c.window.channels; ++k) finish_window(c.window, t, k, R, Q);
  }
}

/// Cuts rows x outputs into tiles and calls tile.run<R, Q>(first row, first output). Two long rows rather than four
/// short ones: their lines have fixed distances, which cost no address register.
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
  constexpr int kSums = kWide ? 16 : 8;
  int64_t row = 0;
  if (outputs * 2 < kSums)
    for (; row + 4 <= rows; row += 4) sparse_row_of_tiles<4, kSums / 4>(outputs, row, tile);
  for (; row + 2 <= rows; row += 2) sparse_row_of_tiles<2, kSums / 2>(outputs, row, tile);
  if (row < rows) sparse_row_of_tiles<1, 8>(outputs, row, tile);
}

template <int kStep>
struct SparseForwardTile {
  const SparseWindowConv& c;
  template <int R, int Q>
  void run(int64_t row, int64_t column) const {
    sparse_tile<R, Q, kStep>(c, row, column);
  }
};

static void sparse_conv_window(const SparseWindowConv& c) {
  const int64_t rows = c.window.rows, outputs = c.window.outputs;
  if (c.window.x_step == 1) return sparse_tiles(rows, outputs, SparseForwardTile<1>{c});
  sparse_tiles(rows, outputs, SparseForwardTile<0>{c});
}

/// The tile of dy stays in registers; each weight's products are added up over it, G weights side by side.
template <int R, int Q, int kStep>
static inline void sparse_gradient_list(const SparseWindowGradient& c, const float* x, const float* dy, uint32_t begin,
                                        uint32_t end) {
  constexpr int N = R * Q, G = 4;
  const int64_t row = c.x_row * 16, step = (kStep ? kStep : c.x_step) * 16, dy_row = c.dy_row * 16;
  Vec g[N];
  for (int i = 0; i < N; ++i) g[i] = Vec::load(dy + i / Q * dy_row + i % Q * 16);
  uint32_t k = begin;
  for (; k + G <= end; k += G) {
    const float* tap[G];
    for (int u = 0; u < G; ++u) tap[u] = x + static_cast<int64_t>(c.kept.offsets[k + static_cast<uint32_t>(u)]) * 16;
    Vec sum[G];
    for (int u = 0; u < G; ++u) sum[u] = Vec::load(tap[u]) * g[0];
    for (int i = 1; i < N; ++i)
      for (int u = 0; u < G; ++u) sum[u] = fma(Vec::load(tap[u] + i / Q * row + i % Q * step), g[i], sum[u]);
    add_sums_of_four(sum[0], sum[1], sum[2], sum[3], c.dvalues + k);
  }
  for (; k < end; ++k) {
    const float* const tap = x + static_cast<int64_t>(c.kept.offsets[k]) * 16;
    Vec v = Vec::load(tap) * g[0];
    for (int i = 1; i < N; ++i) v = fma(Vec::load(tap + i / Q * row + i % Q * step), g[i], v);
    c.dvalues[k] += sum(v);
  }
}

template <int kStep>
struct SparseGradientTile {
  const SparseWindowGradient& c;
  template <int R, int Q>
  void run(int64_t row, int64_t column) const {
    const int64_t step = kStep ? kStep : c.x_step;
    for (int part = 0; part < 16; part += Vec::kWidth) {
      const float* const x = c.x + (row * c.x_row + column * step) * 16 + part;
      const float* const dy = c.dy + (row * c.dy_row + column) * 16 + part;
      const uint32_t* start = c.kept.start;
      const LinesBelow<R, Q> below{x + (R * c.x_row + c.x_reach) * 16,
                                   c.x_plane,
                                   c.x_row,
                                   step,
                                   part == 0 && row + R < c.rows ? c.x_planes : 0,
                                   c.kept.blocks};
      for (int64_t b = 0; b < c.kept.blocks; ++b)
        for (int64_t k = 0; k < c.channels; ++k, ++start) {
          below.fetch(b, k);
          if (start[0] < start[1])
            sparse_gradient_list<R, Q, kStep>(c, x, dy + k * c.dy_plane * 16, start[0], start[1]);
        }
    }
  }
};

static void sparse_conv_gradient(const SparseWindowGradient& c) {
  if (c.x_step == 1) return sparse_tiles(c.rows, c.outputs, SparseGradientTile<1>{c});
  sparse_tiles(c.rows, c.outputs, SparseGradientTile<0>{c});
}
