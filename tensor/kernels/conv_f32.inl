// Convolution over lines of 16 images. A tile of K output channels by P pixels stays in registers while its depth is
// walked: per tap K broadcast weights and P aligned loads feed K P multiply-adds (README.md, "Tiles"). A line is 16 / W
// vectors, done one after the other ("part"), so narrower machines run the same nest on the same memory.

static constexpr bool kWide = Vec::kRegisters == 32;
static constexpr int kTilePixels = kWide ? 6 : 2;    // beside 4 channels, forward
static constexpr int kTileChannels = kWide ? 4 : 2;  // of the gradient
static constexpr int kTileTaps = kWide ? 6 : 5;

template <int K, int P>
struct LineTile {
  Vec sum[K][P];
};

template <int K, int P>
static inline void finish_tile(const LineConv& c, LineTile<K, P>& t, int64_t k0, int64_t i0, int part) {
  for (int k = 0; k < K; ++k) {
    if (k0 + k >= c.channels)
      continue;  // a fixed count: an index known at run time only would move the sums into memory
    const Vec scale = Vec::set(c.scale ? c.scale[k0 + k] : 1.0f), bias = Vec::set(c.bias ? c.bias[k0 + k] : 0.0f);
    for (int p = 0; p < P; ++p) {
      Vec v = t.sum[k][p];
      if (c.scale) v = v * scale;
      if (c.bias) v = v + bias;
      if (c.residual)
        v = v + Vec::load(c.residual + ((k0 + k) * c.residual_plane + (i0 + p) * c.residual_step) * 16 + part);
      if (c.relu) v = largest(v, Vec::zero());  // NaN stays
      v.store(c.y + ((k0 + k) * c.y_plane + (i0 + p) * c.y_step) * 16 + part);
    }
  }
}

/// Channels beyond the last read the last one's weights again and are not written.
template <int K, int P, bool kUnitStep>
static inline void conv_tile(const LineConv& c, int64_t k0, int64_t i0) {
  const int64_t step = kUnitStep ? 1 : c.x_step;
  const float* w[K];
  for (int k = 0; k < K; ++k) w[k] = c.w + (k0 + k < c.channels ? k0 + k : c.channels - 1) * c.w_step;
  for (int part = 0; part < 16; part += Vec::kWidth) {
    const float* const x = c.x + i0 * step * 16 + part;
    LineTile<K, P> t;
    for (int k = 0; k < K; ++k)
      for (int p = 0; p < P; ++p) t.sum[k][p] = Vec::zero();
    for (int64_t d = 0, i = 0; d < c.depth; ++d, i += c.w_tap) {
      const float* const tap = x + static_cast<int64_t>(c.taps[d]) * 16;
      Vec weight[K];
      for (int k = 0; k < K; ++k) weight[k] = pinned(Vec::set(w[k][i]));
      for (int p = 0; p < P; ++p) {
        const Vec line = Vec::load(tap + p * step * 16);
        for (int k = 0; k < K; ++k) t.sum[k][p] = fma(weight[k], line, t.sum[k][p]);
      }
    }
    finish_tile(c, t, k0, i0, part);
  }
}

/// Outputs of the next tile: P where it fits and leaves no stub, else 4 and less. 32 = 4 x 6 + 4 + 4, 8 = 4 + 4.
template <int P>
static inline int tile_outputs(int64_t left) {
  if (left == P || left == P + 3 || left >= P + 4) return P;
  const int most = P < 4 ? P : 4;
  return left < most ? static_cast<int>(left) : most;
}

template <int K, int P, bool kUnitStep>
static inline void conv_outputs(const LineConv& c, int64_t k0) {
  for (int64_t i = 0; i < c.outputs;) {
    const int tile = tile_outputs<P>(c.outputs - i);
    if (tile == P) {
      conv_tile<K, P, kUnitStep>(c, k0, i);
    } else {
      switch (tile) {
        case 4:
          conv_tile<K, 4, kUnitStep>(c, k0, i);
          break;
        case 3:
          conv_tile<K, 3, kUnitStep>(c, k0, i);
          break;
        case 2:
          conv_tile<K, 2, kUnitStep>(c, k0, i);
          break;
        default:
          conv_tile<K, 1, kUnitStep>(c, k0, i);
          break;
      }
    }
    i += tile;
  }
}

template <bool kUnitStep>
static inline void conv_rows(const LineConv& c) {
  if (c.channels == 1) return conv_outputs < 1, kWide ? 8 : 6, kUnitStep > (c, 0);
  for (int64_t k = 0; k < c.channels; k += 4) conv_outputs<4, kTilePixels, kUnitStep>(c, k);
}

static void conv_lines(const LineConv& c) { c.x_step == 1 ? conv_rows<true>(c) : conv_rows<false>(c); }

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

/// K output channels by R kernel rows of S adjacent taps: the sums of a whole strip stay in registers, then each line
/// of sums is added up. Outputs go by in fours with fixed distances, because address arithmetic would take the ports
/// that the multiply-adds need. kStep: lines of x between outputs, or 0 where it is known at run time only.
template <int K, int R, int S>
struct GradientTile {
  Vec sum[R * S][K];

  void clear() {
    for (int t = 0; t < R * S; ++t)
      for (int k = 0; k < K; ++k) sum[t][k] = Vec::zero();
  }
  /// One output: its line of dy[k] is `at` floats on, its lines of x[r] are `from` on.
  void take(const float* const* x, const float* const* dy, int64_t from, int64_t at) {
    Vec g[K];
    for (int k = 0; k < K; ++k) g[k] = Vec::load(dy[k] + at);
    for (int r = 0; r < R; ++r)
      for (int t = 0; t < S; ++t) {
        const Vec line = Vec::load(x[r] + from + t * 16);
        for (int k = 0; k < K; ++k) sum[r * S + t][k] = fma(g[k], line, sum[r * S + t][k]);
      }
  }
};

template <int K, int R, int S, int kStep>
static inline void gradient_tile(const LineConvGradient& c, int64_t k0, int64_t d0) {
  const int64_t step = kStep != 0 ? kStep : c.x_step;
  const int64_t last = c.channels - 1;
  const int64_t tile = (k0 / K * c.depth + d0) / (R * S), tiles = (c.channels + K - 1) / K * c.depth / (R * S) + 1;
  const GradientAhead x_ahead = GradientAhead::share(c.next_x, c.x_plane, c.x_planes, c.x_row, tile, tiles);
  const GradientAhead dy_ahead = GradientAhead::share(c.next_dy, c.dy_plane, c.channels, c.outputs, tile, tiles);
  float total[R * S][K] = {};
  for (int part = 0; part < 16; part += Vec::kWidth) {
    GradientTile<K, R, S> sums;
    sums.clear();
    for (int64_t row = 0; row < c.rows; ++row) {
      const float *x[R], *dy[K];
      for (int r = 0; r < R; ++r) x[r] = c.x + (c.taps[d0 + r * S] + row * c.x_row) * 16 + part;
      for (int k = 0; k < K; ++k)
        dy[k] = c.dy + ((k0 + k < last ? k0 + k : last) * c.dy_plane + row * c.dy_row) * 16 + part;
      if (part == 0) {
        x_ahead.fetch(row * c.x_row);
        dy_ahead.fetch(row * c.dy_row);
      }
      int64_t i = 0;
      for (; i + 4 <= c.outputs; i += 4)
        for (int u = 0; u < 4; ++u) sums.take(x, dy, (i + u) * step * 16, (i + u) * 16);
      for (; i < c.outputs; ++i) sums.take(x, dy, i * step * 16, i * 16);
    }
    for (int t = 0; t < R * S; ++t) add_sums<K>(sums.sum[t], total[t]);
  }
  for (int k = 0; k < K && k0 + k <= last; ++k)
    for (int t = 0; t < R * S; ++t) c.dw[(k0 + k) * c.w_step + d0 + t] += total[t][k];
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
