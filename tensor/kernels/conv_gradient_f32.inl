// The weight gradient of a convolution over lines of 16 images. K output channels by R S taps are K R S vectors of
// sums, which stay in registers while a strip of outputs goes by and are then added up across their lanes (README.md,
// "Tiles").

static constexpr int kTileChannels = kWide ? 4 : 2;
static constexpr int kTileTaps = kWide ? 6 : 5;

/// Adds the sum of each of K vectors to its total; four at a time cost little more than one.
template <int K>
static inline void add_sums(const Vec* v, float* total) {
  if constexpr (K % 4 == 0) {
    for (int k = 0; k < K; k += 4) add_sums_of_four(v[k], v[k + 1], v[k + 2], v[k + 3], total + k);
  } else {
    for (int k = 0; k < K; ++k) total[k] += sum(v[k]);
  }
}

/// A tile's share of the lines that the next call reads, spread over its rows: width lines of each of some planes.
struct GradientAhead {
  const float* p;
  int64_t plane, width, first, last;  ///< lines first .. last - 1 of [planes][width]

  static GradientAhead share(const float* p, int64_t plane, int64_t planes, int64_t width, int64_t part,
                             int64_t parts) {
    if (p == nullptr) return {nullptr, 0, 1, 0, 0};
    return {p, plane, width, planes * width * part / parts, planes * width * (part + 1) / parts};
  }
  void fetch(int64_t row) const {  // lines from the first row
    int64_t at = first / width * plane + row, column = first % width;
    for (int64_t i = first; i < last; ++i) {
      __builtin_prefetch(p + (at + column) * 16, 0, 2);
      if (++column == width) column = 0, at += plane;
    }
  }
};

/// K output channels by R kernel rows of S adjacent taps. kStep: lines of x between outputs, or 0 where it is known at
/// run time only.
template <int K, int R, int S, int kStep>
struct GradientTile {
  Vec sum[R * S][K];
  const float *x[R], *dy[K];  ///< lines of the present row's first output

  void clear() {
    for (int t = 0; t < R * S; ++t)
      for (int k = 0; k < K; ++k) sum[t][k] = Vec::zero();
  }
  /// Output i through kernel rows R0 .. R1 - 1 and columns S0 .. S1 - 1.
  template <int R0, int R1, int S0, int S1>
  void take(int64_t i, int64_t step) {
    Vec g[K];
    for (int k = 0; k < K; ++k) g[k] = Vec::load(dy[k] + i * 16);
    for (int r = R0; r < R1; ++r)
      for (int s = S0; s < S1; ++s) {
        const Vec line = Vec::load(x[r] + (i * step + s) * 16);
        for (int k = 0; k < K; ++k) sum[r * S + s][k] = fma(g[k], line, sum[r * S + s][k]);
      }
  }
  /// A row of outputs through kernel rows R0 .. R1 - 1, without the columns that read the border. Outputs go by in
  /// fours with fixed distances: address arithmetic would take the ports that the multiply-adds need.
  template <int R0, int R1>
  void take_row(const LineConvGradient& c) {
    const int64_t step = kStep != 0 ? kStep : c.x_step;
    int64_t i = 0, end = c.outputs;
    if constexpr (S == 3) {
      if (c.clips_left) take<R0, R1, 1, S>(i++, step);
      if (c.clips_right) --end;
    }
    for (; i + 4 <= end; i += 4)
      for (int u = 0; u < 4; ++u) take<R0, R1, 0, S>(i + u, step);
    for (; i < end; ++i) take<R0, R1, 0, S>(i, step);
    if constexpr (S == 3)
      if (c.clips_right) take<R0, R1, 0, S - 1>(end, step);
  }
  /// A row of outputs through kernel rows r .. R - 1, each alone, if it reads a row of the image.
  template <int r = 0>
  void take_inner(const LineConvGradient& c, const bool* inside) {
    if (inside[r]) take_row<r, r + 1>(c);
    if constexpr (r + 1 < R) take_inner<r + 1>(c, inside);
  }
  void take_rows(const LineConvGradient& c, int64_t row, int64_t first_kernel_row) {
    if constexpr (S == 3) {
      bool inside[R], all = true;
      for (int r = 0; r < R; ++r) {
        const int64_t at = c.top + row * c.row_step + (first_kernel_row + r) % c.kernel_rows * c.tap_step;
        inside[r] = c.height == 0 || (at >= 0 && at < c.height);
        all = all && inside[r];
      }
      if (!all) return take_inner(c, inside);
    }
    take_row<0, R>(c);
  }
};

template <int K, int R, int S, int kStep>
static inline void gradient_tile(const LineConvGradient& c, int64_t k0, int64_t d0) {
  const int64_t last = c.channels - 1, kernel_row = S == 3 ? d0 / S % c.kernel_rows : 0;
  const int64_t tile = (k0 / K * c.depth + d0) / (R * S), tiles = (c.channels + K - 1) / K * c.depth / (R * S) + 1;
  const GradientAhead x_ahead = GradientAhead::share(c.next_x, c.x_plane, c.x_planes, c.x_row, tile, tiles);
  const GradientAhead dy_ahead = GradientAhead::share(c.next_dy, c.dy_plane, c.channels, c.outputs, tile, tiles);
  float total[R * S][K] = {};
  for (int part = 0; part < 16; part += Vec::kWidth) {
    GradientTile<K, R, S, kStep> t;
    t.clear();
    for (int64_t block = 0; block < c.blocks; ++block)
      for (int64_t row = 0; row < c.rows; ++row) {
        const int64_t x_at = block * c.x_block + row * c.x_row, dy_at = block * c.dy_block + row * c.dy_row;
        for (int r = 0; r < R; ++r) t.x[r] = c.x + (c.taps[d0 + r * S] + x_at) * 16 + part;
        for (int k = 0; k < K; ++k) t.dy[k] = c.dy + ((k0 + k < last ? k0 + k : last) * c.dy_plane + dy_at) * 16 + part;
        if (part == 0) {
          x_ahead.fetch(x_at);
          dy_ahead.fetch(dy_at);
        }
        t.take_rows(c, row, kernel_row);
      }
    for (int d = 0; d < R * S; ++d) add_sums<K>(t.sum[d], total[d]);
  }
  for (int k = 0; k < K && k0 + k <= last; ++k)
    for (int d = 0; d < R * S; ++d) c.dw[(k0 + k) * c.w_step + d0 + d] += total[d][k];
}

/// All taps of K output channels; those of a kernel row are S neighbours (S = 1: anywhere).
template <int K, int S, int kStep>
static inline void gradient_taps(const LineConvGradient& c, int64_t k0) {
  constexpr int kRows = kTileTaps / S;
  int64_t d = 0;
  if constexpr (K == 1 && kWide)
    for (; d + 9 <= c.depth; d += 9) gradient_tile<1, 9 / S, S, kStep>(c, k0, d);
  for (; d + kRows * S <= c.depth; d += kRows * S) gradient_tile<K, kRows, S, kStep>(c, k0, d);
  for (; d + 3 <= c.depth; d += 3) gradient_tile<K, 3 / S, S, kStep>(c, k0, d);
  if constexpr (S == 1)
    for (; d < c.depth; ++d) gradient_tile<K, 1, 1, kStep>(c, k0, d);
}

template <int S, int kStep>
static inline void gradient_channels(const LineConvGradient& c) {
  if (c.channels == 1) return gradient_taps<1, S, kStep>(c, 0);
  for (int64_t k = 0; k < c.channels; k += kTileChannels) gradient_taps<kTileChannels, S, kStep>(c, k);
}

static void conv_lines_gradient(const LineConvGradient& c) {
  if (c.adjacent_taps == 3 && c.x_step == 1) return gradient_channels<3, 1>(c);
  if (c.adjacent_taps == 3 && c.x_step == 2) return gradient_channels<3, 2>(c);
  gradient_channels<1, 0>(c);
}
