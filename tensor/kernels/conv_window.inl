// Convolution of one block of images by its window. A tile of K output channels by R rows of P pixels stays in
// registers while input channel, kernel row and kernel column are walked: per tap K broadcast weights, which lie side
// by side, and R P aligned loads feed K R P multiply-adds (README.md, "Tiles"). All groups of channels pass over a
// tile's pixels before the next pixels come, so their lines of x stay in the first-level cache. Taps that fall on the
// zero border are left out: whole kernel rows at top and bottom, and the first and last column of a window of 3.

// Left alone, GCC unrolls such a loop after it has decided that an array with an index must lie in memory.
#ifdef __clang__
#define PITH_UNROLL _Pragma("unroll")
#else
#define PITH_UNROLL _Pragma("GCC unroll 16")
#endif

/// Where a tile lies.
struct WindowTile {
  int64_t row, column;          ///< of its first output
  int64_t first_row, last_row;  ///< kernel rows inside of the image
  int64_t channel;              ///< first output channel
  int part;                     ///< of the line, in floats
};

/// Scale, bias, residual and ReLU over the lines that a tile has just written. In place: the lines are in the
/// first-level cache, while a choice between the sums in registers would move all of them into memory.
static inline void finish_window(const WindowConv& c, const WindowTile& t, int64_t channel, int rows, int pixels) {
  const bool scales = c.scale != nullptr, biases = c.bias != nullptr, adds = c.residual != nullptr, relu = c.relu;
  const Vec scale = Vec::set(scales ? c.scale[channel] : 1.0f), bias = Vec::set(biases ? c.bias[channel] : 0.0f);
  const int64_t step = c.y_step * 16;
  for (int r = 0; r < rows; ++r) {
    float* const y = c.y + (channel * c.y_plane + (t.row + r) * c.y_row + t.column * c.y_step) * 16 + t.part;
    const float* const beside =
        adds ? c.residual + (channel * c.residual_plane + (t.row + r) * c.residual_row + t.column) * 16 + t.part : y;
    for (int p = 0; p < pixels; ++p) {
      Vec v = Vec::load(y + p * step);
      if (scales) v = v * scale;
      if (biases) v = v + bias;
      if (adds) v = v + Vec::load(beside + p * 16);
      if (relu) v = largest(v, Vec::zero());  // NaN stays
      v.store(y + p * step);
    }
  }
}

/// Adds a channel's N lines, and their squares, to its sums.
template <int N>
[[gnu::always_inline]] static inline void add_moments(float* sums, Vec pivot, const Vec (&v)[N]) {
  Vec first = Vec::load(sums), second = Vec::load(sums + 16);
  // clang-format off
  PITH_UNROLL
  for (int i = 0; i < N; ++i) {
    const Vec d = v[i] - pivot;
    first = first + d;
    second = fma(d, d, second);
  }
  // clang-format on
  first.store(sums);
  second.store(sums + 16);
}

/// p, of which the compiler knows nothing: neighbouring taps share lines, and to keep these for later it would move
/// sums out of their registers. To load a line again is cheaper.
static inline const float* unknown(const float* p) {
  asm("" : "+r"(p));
  return p;
}

/// One tap for outputs kFirst .. kLast - 1 of every row of the tile.
template <int K, int R, int P, int kStep, int kFirst, int kLast>
[[gnu::always_inline]] static inline void window_tap(const WindowConv& c, const float* x, const float* w,
                                                     Vec (&sum)[K][R * P]) {
  const int64_t step = kStep ? kStep : c.x_step;
  if constexpr (K > 1) x = unknown(x);
  Vec weight[K];
  for (int k = 0; k < K; ++k) weight[k] = pinned(Vec::set(w[k]));
  for (int r = 0; r < R; ++r)
    for (int p = kFirst; p < kLast; ++p) {
      const Vec line = Vec::load(x + (r * c.x_row + p * step) * 16);
      for (int k = 0; k < K; ++k) sum[k][r * P + p] = fma(weight[k], line, sum[k][r * P + p]);
    }
}

enum WindowEdge { kInside = 0, kLeft = 1, kRight = 2 };

/// One kernel row.
template <int K, int R, int P, int kColumns, int kStep, int kEdge>
[[gnu::always_inline]] static inline void window_kernel_row(const WindowConv& c, const float* x, const float* w,
                                                            Vec (&sum)[K][R * P]) {
  if constexpr (kColumns == 0) {
    for (int64_t s = 0; s < c.kernel_columns; ++s)
      window_tap<K, R, P, kStep, 0, P>(c, x + s * c.tap_column * 16, w + s * K, sum);
  } else {
    window_tap<K, R, P, kStep, (kEdge & kLeft) != 0, P>(c, x, w, sum);
    if constexpr (kColumns > 1) window_tap<K, R, P, kStep, 0, P>(c, x + 16, w + K, sum);
    if constexpr (kColumns > 2) window_tap<K, R, P, kStep, 0, P - ((kEdge & kRight) != 0)>(c, x + 32, w + 2 * K, sum);
  }
}

/// kColumns: the kernel's width where its columns are neighbours, or 0 where c says it. kEdge: the borders that the
/// tile touches (3 columns only). Channels and kernel rows are one loop without a branch between: a loop of 3 kernel
/// rows inside would be left once for every channel.
template <int K, int R, int P, int kColumns, int kStep, int kEdge>
static inline void window_tile(const WindowConv& c, const WindowTile& t) {
  const int64_t columns = kColumns ? kColumns : c.kernel_columns, step = kStep ? kStep : c.x_step;
  const int64_t rows = t.last_row - t.first_row, tap_row = c.tap_row * 16;
  const int64_t next_plane = c.x_plane * 16 - rows * tap_row, next_window = (c.kernel_rows - rows) * columns * K;
  const float* x = c.x + (t.row * c.x_row + t.column * step + t.first_row * c.tap_row) * 16 + t.part;
  const float* w = c.w + (t.channel * c.in_channels * c.kernel_rows + t.first_row * K) * columns;
  Vec sum[K][R * P];
  for (int k = 0; k < K; ++k)
    for (int p = 0; p < R * P; ++p) sum[k][p] = Vec::zero();
  int64_t left = rows;
  for (int64_t i = c.in_channels * rows; i > 0; --i) {
    window_kernel_row<K, R, P, kColumns, kStep, kEdge>(c, x, w, sum);
    left -= 1;
    const int64_t last = -static_cast<int64_t>(left == 0);
    x += tap_row + (last & next_plane);
    w += columns * K + (last & next_window);
    left += last & rows;
  }
  const int64_t last = c.channels - t.channel - 1;
  float* const y = c.y + (t.channel * c.y_plane + t.row * c.y_row + t.column * c.y_step) * 16 + t.part;
  // clang-format off
  PITH_UNROLL
  for (int k = K - 1; k >= 0; --k) {  // channels beyond the last go where the last one goes afterwards: no branch
    float* const to = y + (k < last ? k : last) * c.y_plane * 16;
    PITH_UNROLL
    for (int i = 0; i < R * P; ++i) sum[k][i].store(to + (i / P * c.y_row + i % P * c.y_step) * 16);
    if (c.sums && k <= last)
      add_moments<R * P>(c.sums + (t.channel + k) * 32 + t.part, Vec::set(c.pivot[t.channel + k]), sum[k]);
  }
  // clang-format on
  if (c.scale || c.bias || c.residual || c.relu)
    for (int64_t k = 0; k < K && k <= last; ++k) finish_window(c, t, t.channel + k, R, P);
}

/// All output channels over the same pixels.
template <int K, int R, int P, int kColumns, int kStep, int kEdge>
static inline void window_channels(const WindowConv& c, WindowTile t) {
  for (t.channel = 0; t.channel < c.channels; t.channel += K)
    for (t.part = 0; t.part < 16; t.part += Vec::kWidth) window_tile<K, R, P, kColumns, kStep, kEdge>(c, t);
}

/// The wide tiles of a row know its edges; narrow ones read the zero border.
template <int K, int P, int kColumns, int kStep>
static inline void window_edges(const WindowConv& c, const WindowTile& t) {
  if constexpr (kColumns == 3 && P >= 4) {
    const bool left = c.clips_left && t.column == 0, right = c.clips_right && t.column + P == c.outputs;
    if (left && right) return window_channels<K, 1, P, kColumns, kStep, kLeft | kRight>(c, t);
    if (left) return window_channels<K, 1, P, kColumns, kStep, kLeft>(c, t);
    if (right) return window_channels<K, 1, P, kColumns, kStep, kRight>(c, t);
  }
  window_channels<K, 1, P, kColumns, kStep, kInside>(c, t);
}

template <int K, int kColumns, int kStep>
static inline void window_row(const WindowConv& c, WindowTile t) {
  while (t.column < c.outputs) {
    const int tile = tile_outputs<kTilePixels>(c.outputs - t.column);
    switch (tile) {
      case kTilePixels:
        window_edges<K, kTilePixels, kColumns, kStep>(c, t);
        break;
      case 4:
        if constexpr (kTilePixels > 4) window_edges<K, 4, kColumns, kStep>(c, t);
        break;
      case 3:
        if constexpr (kTilePixels > 3) window_edges<K, 3, kColumns, kStep>(c, t);
        break;
      case 1:
        window_edges<K, 1, kColumns, kStep>(c, t);
        break;
      default:
        if constexpr (kTilePixels > 2) window_edges<K, 2, kColumns, kStep>(c, t);
        break;
    }
    t.column += tile;
  }
}

template <int K, int kColumns, int kStep>
static inline void window_rows(const WindowConv& c) {
  for (int64_t row = 0; row < c.rows; ++row) {
    WindowTile t{row, 0, 0, c.kernel_rows, 0, 0};
    if constexpr (kWide && K > 1) {
      if (c.outputs == 2 && c.height == 0 && row + 1 < c.rows) {  // tiles as lanes: two short rows make one tile
        window_channels<K, 2, 2, kColumns, kStep, kInside>(c, t);
        ++row;
        continue;
      }
    }
    if (c.height > 0) {
      const int64_t top = c.top + row * c.row_step;
      while (t.first_row < t.last_row && top + t.first_row * c.tap_step < 0) ++t.first_row;
      while (t.first_row < t.last_row && top + (t.last_row - 1) * c.tap_step >= c.height) --t.last_row;
    }
    window_row<K, kColumns, kStep>(c, t);
  }
}

static void conv_window(const WindowConv& c) {
  const int64_t columns = c.tap_column == 1 && c.x_step <= 2 ? c.kernel_columns : 0;
  const bool steps = c.x_step == 2;
  if (c.channels == 1) {  // depthwise: one weight a tap, neighbouring columns share their lines in registers
    if (columns == 3) return steps ? window_rows<1, 3, 2>(c) : window_rows<1, 3, 1>(c);
    return window_rows<1, 0, 0>(c);
  }
  if (columns == 3) return steps ? window_rows<4, 3, 2>(c) : window_rows<4, 3, 1>(c);
  if (columns == 1) return steps ? window_rows<4, 1, 2>(c) : window_rows<4, 1, 1>(c);
  if (columns == 2 && !steps) return window_rows<4, 2, 1>(c);
  window_rows<4, 0, 0>(c);
}
