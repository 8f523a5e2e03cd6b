// Convolution of one plain image: K output channels by P vectors of neighbouring pixels stay in registers. Where rows
// are not a multiple of a line long, loads are unaligned and cost a second cache line each, so batches use lines
// instead (conv_f32.inl).

static constexpr int kPixelVectors = Vec::kRegisters == 32 ? 6 : 2;

/// Pixels q0 .. q0 + (P - 1) kWidth + last.
template <int K, int P>
static inline void pixel_tile(const PixelConv& c, int64_t k0, int64_t q0, int last) {
  const float* const x = c.x + q0;
  const float* w[K];
  for (int k = 0; k < K; ++k) w[k] = c.w + (k0 + k < c.channels ? k0 + k : c.channels - 1) * c.w_step;
  Vec sum[K][P];
  for (int k = 0; k < K; ++k)
    for (int p = 0; p < P; ++p) sum[k][p] = Vec::zero();
  for (int64_t d = 0; d < c.depth; ++d) {
    const float* const tap = x + c.taps[d];
    Vec weight[K];
    for (int k = 0; k < K; ++k) weight[k] = pinned(Vec::set(w[k][d]));
    for (int p = 0; p < P; ++p) {
      const Vec pixels = Vec::load(tap + p * Vec::kWidth);
      for (int k = 0; k < K; ++k) sum[k][p] = fma(weight[k], pixels, sum[k][p]);
    }
  }
  for (int k = 0; k < K && k0 + k < c.channels; ++k) {
    const Vec scale = Vec::set(c.scale ? c.scale[k0 + k] : 1.0f), bias = Vec::set(c.bias ? c.bias[k0 + k] : 0.0f);
    for (int p = 0; p < P; ++p) {
      const int64_t at = (k0 + k) * c.pixels + q0 + p * Vec::kWidth;
      const int count = p + 1 < P ? Vec::kWidth : last;
      Vec v = sum[k][p];
      if (c.scale) v = v * scale;
      if (c.bias) v = v + bias;
      if (c.residual) v = v + Vec::load(c.residual + at, count);
      if (c.relu) v = largest(v, Vec::zero());  // NaN stays
      v.store(c.y + at, count);
    }
  }
}

/// All channels of one stretch of pixels, whose inputs so stay in the first-level cache.
template <int P>
static inline void pixel_stretch(const PixelConv& c, int64_t q0, int last) {
  if (c.channels == 1) return pixel_tile<1, P>(c, 0, q0, last);
  for (int64_t k = 0; k < c.channels; k += 4) pixel_tile<4, P>(c, k, q0, last);
}

static void conv_pixels(const PixelConv& c) {
  const int64_t vectors = (c.pixels + Vec::kWidth - 1) / Vec::kWidth;
  const int last = static_cast<int>(c.pixels - (vectors - 1) * Vec::kWidth);
  for (int64_t v = 0; v < vectors; v += kPixelVectors) {
    const int64_t q = v * Vec::kWidth, left = vectors - v;
    const int end = left > kPixelVectors ? Vec::kWidth : last;
    switch (left < kPixelVectors ? left : kPixelVectors) {
      case 6:
        pixel_stretch < kPixelVectors<6 ? 1 : 6>(c, q, end);
        break;
      case 5:
        pixel_stretch < kPixelVectors<5 ? 1 : 5>(c, q, end);
        break;
      case 4:
        pixel_stretch < kPixelVectors<4 ? 1 : 4>(c, q, end);
        break;
      case 3:
        pixel_stretch < kPixelVectors<3 ? 1 : 3>(c, q, end);
        break;
      case 2:
        pixel_stretch<2>(c, q, end);
        break;
      default:
        pixel_stretch<1>(c, q, end);
        break;
    }
  }
}
