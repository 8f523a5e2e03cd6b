// Convolution over lines of 16 images. A tile of K output channels by P pixels stays in registers while its depth is
// walked: per tap K broadcast weights and P aligned loads feed K P multiply-adds (README.md, "Tiles"). A line is 16 / W
// vectors, done one after the other ("part"), so narrower machines run the same nest on the same memory.

static constexpr bool kWide = Vec::kRegisters == 32;
static constexpr int kTilePixels = kWide ? 6 : 2;  // beside 4 channels

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
