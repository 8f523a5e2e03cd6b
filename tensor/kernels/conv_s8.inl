// Integer convolution over lines of 16 images x 4 channels: the nest of conv_f32.inl, where one step is a dot product
// of 4 bytes in every lane. A tile of 4 K output channels by P pixels stays in registers while its depth is walked.

static constexpr bool kWideInt = Vec::kRegisters == 32;
static constexpr int kIntPixels = kWideInt ? 6 : 2;  // beside 4 channels

template <int K, int P>
struct IntTile {
  Int sum[P][K];
};

/// By recursion: a loop that the compiler leaves rolled would index the sums, and so push them out of their registers.
template <bool kResidual, bool kSmall, int P, int I = 0>
[[gnu::always_inline]] static inline void finish_bytes(const Quantizer& q, const IntTile<4, P>& t, uint8_t* y,
                                                       int64_t y_step, const uint8_t* r, int64_t r_step) {
  requantize<kResidual, kSmall>(q, to_float(t.sum[I][0]), to_float(t.sum[I][1]), to_float(t.sum[I][2]),
                                to_float(t.sum[I][3]), kResidual ? r + I * r_step : nullptr, y + I * y_step);
  if constexpr (I + 1 < P) finish_bytes<kResidual, kSmall, P, I + 1>(q, t, y, y_step, r, r_step);
}

/// Channels k0 to k0 + 3 of P outputs of a row from i0 on, in all forms.
template <IntOutput kOutput, bool kResidual, int P>
[[gnu::always_inline]] static inline void finish_int_tile(const IntConv& c, const Quantizer& q, const IntTile<4, P>& t,
                                                          int64_t k0, int64_t row, int64_t i0, int part) {
  const int64_t line = row * c.y_row + i0 * c.y_step, y_step = c.y_step;
  if constexpr (kOutput == IntOutput::u8) {
    uint8_t* const y = static_cast<uint8_t*>(c.y) + ((k0 / 4 * c.y_plane + line) * 16 + part) * 4;
    const uint8_t* r = nullptr;
    const int64_t r_step = c.to.residual_step * 64;
    if constexpr (kResidual)
      r = c.to.residual + (k0 / 4 * c.to.residual_plane + row * c.to.residual_row) * 64 + i0 * r_step + part * 4;
    const Quantizer local = q;
    if (local.small)
      finish_bytes<kResidual, true, P>(local, t, y, y_step * 64, r, r_step);
    else
      finish_bytes<kResidual, false, P>(local, t, y, y_step * 64, r, r_step);
  } else {
    const int64_t place = (k0 * c.y_plane + line) * 16 + part, plane = c.y_plane * 16, live = c.channels - k0;
    for (int k = 0; k < 4 && k < live; ++k)
      for (int p = 0; p < P; ++p) {
        const int64_t at = place + k * plane + p * y_step * 16;
        if constexpr (kOutput == IntOutput::f32)
          (to_float(t.sum[p][k]) * Vec::set(c.to.scale[k0 + k])).store(static_cast<float*>(c.y) + at);
        else
          t.sum[p][k].store(static_cast<int32_t*>(c.y) + at);
      }
  }
}

/// The products of one tap with outputs [kFirst, kEnd) of a tile; w: 4 weights as this set multiplies them.
template <int P, int kFirst, int kEnd>
[[gnu::always_inline]] static inline void int_products(IntTile<4, P>& t, const uint8_t* tap, int64_t step,
                                                       const int32_t* w) {
  if constexpr (kWideInt) {
    Weight weight[4];
    for (int k = 0; k < 4; ++k) weight[k] = pinned(Weight::load(w + k));
    for (int p = kFirst; p < kEnd; ++p) {
      const Bytes line = Bytes::of(Int::load(tap + p * step));
      for (int k = 0; k < 4; ++k) t.sum[p][k] = dot(t.sum[p][k], line, weight[k]);
    }
  } else {
    Bytes line[P];
    for (int p = kFirst; p < kEnd; ++p) line[p] = Bytes::of(Int::load(tap + p * step));
    for (int k = 0; k < 4; ++k) {
      const Weight weight = Weight::load(w + k * Weight::kWords);
      for (int p = kFirst; p < kEnd; ++p) t.sum[p][k] = dot(t.sum[p][k], line[p], weight);
    }
  }
}

/// w: [depth][4] weights as this set multiplies them.
template <IntOutput kOutput, bool kResidual, bool kUnitStep, int P>
static inline void int_tile(const IntConv& c, const Quantizer& q, const int32_t* w, int64_t k0, int64_t row,
                            int64_t i0) {
  const int64_t step = (kUnitStep ? 1 : c.x_step) * 64;
  for (int part = 0; part < 16; part += Int::kWidth) {
    const uint8_t* const x = c.x + (row * c.x_row + i0 * (kUnitStep ? 1 : c.x_step)) * 64 + part * 4;
    IntTile<4, P> t;
    for (int k = 0; k < 4; ++k)
      for (int p = 0; p < P; ++p) t.sum[p][k] = Int::set(c.bias[k0 + k]);
    const int32_t* weights = w;
    for (int64_t d = 0; d < c.depth; ++d, weights += 4 * Weight::kWords)
      int_products<P, 0, P>(t, x + static_cast<int64_t>(c.taps[d]) * 64, step, weights);
    finish_int_tile<kOutput, kResidual, P>(c, q, t, k0, row, i0, part);
  }
}

/// The same for a window of 3 x 3 without the taps that read the border: those beside rows [first, end) of the window,
/// and beside the first or the last output.
template <bool kResidual, bool kUnitStep, int P, bool kLeft, bool kRight>
static inline void clipped_int_tile(const IntConv& c, const Quantizer& q, const int32_t* w, int64_t k0, int64_t row,
                                    int64_t i0, int64_t first, int64_t end) {
  const int64_t step = (kUnitStep ? 1 : c.x_step) * 64;
  constexpr int kWeights = 4 * Weight::kWords;
  for (int part = 0; part < 16; part += Int::kWidth) {
    const uint8_t* const x = c.x + (row * c.x_row + i0 * (kUnitStep ? 1 : c.x_step)) * 64 + part * 4;
    IntTile<4, P> t;
    for (int k = 0; k < 4; ++k)
      for (int p = 0; p < P; ++p) t.sum[p][k] = Int::set(c.bias[k0 + k]);
    for (int64_t plane = 0; plane < c.depth; plane += 9)
      for (int64_t d = plane + first * 3; d < plane + end * 3; d += 3) {
        const int32_t *const tap = c.taps + d, *const weights = w + d * kWeights;
        int_products<P, kLeft, P>(t, x + static_cast<int64_t>(tap[0]) * 64, step, weights);
        int_products<P, 0, P>(t, x + static_cast<int64_t>(tap[1]) * 64, step, weights + kWeights);
        int_products<P, 0, P - kRight>(t, x + static_cast<int64_t>(tap[2]) * 64, step, weights + 2 * kWeights);
      }
    finish_int_tile<IntOutput::u8, kResidual, P>(c, q, t, k0, row, i0, part);
  }
}

/// A tile of a clipped row, at either end of it or between.
template <bool kResidual, bool kUnitStep, int P>
static inline void clipped_int_tile_at(const IntConv& c, const Quantizer& q, const int32_t* w, int64_t k0, int64_t row,
                                       int64_t i0) {
  const int64_t top = c.clip.first_row + row * c.clip.row_step, below = c.clip.height - top;
  const int64_t first = top < 0 ? -top : 0, end = below < 3 ? below : 3;
  if (i0 == 0 && c.clip.left)
    return clipped_int_tile<kResidual, kUnitStep, P, true, false>(c, q, w, k0, row, i0, first, end);
  if (i0 + P == c.outputs && c.clip.right)
    return clipped_int_tile<kResidual, kUnitStep, P, false, true>(c, q, w, k0, row, i0, first, end);
  clipped_int_tile<kResidual, kUnitStep, P, false, false>(c, q, w, k0, row, i0, first, end);
}

/// Tiles of the sizes worth it; false: the caller's own will do, for what lies in the border is 0.
template <bool kResidual, bool kUnitStep>
static inline bool is_clipped(const IntConv& c, const Quantizer& q, const int32_t* w, int64_t k0, int64_t row,
                              int64_t i0, int tile) {
  if (!kWideInt || !c.clip.is_on || (tile != 6 && tile != 4)) return false;
  if (tile == 6)
    clipped_int_tile_at<kResidual, kUnitStep, 6>(c, q, w, k0, row, i0);
  else
    clipped_int_tile_at<kResidual, kUnitStep, 4>(c, q, w, k0, row, i0);
  return true;
}

template <IntOutput kOutput, bool kResidual, bool kUnitStep>
static inline void int_row(const IntConv& c, const Quantizer& q, const int32_t* w, int64_t k0, int64_t row) {
  for (int64_t i = 0; i < c.outputs;) {
    const int tile = tile_outputs<kIntPixels>(c.outputs - i);
    if (kOutput == IntOutput::u8 && is_clipped<kResidual, kUnitStep>(c, q, w, k0, row, i, tile)) {
    } else if (tile == kIntPixels) {
      int_tile<kOutput, kResidual, kUnitStep, kIntPixels>(c, q, w, k0, row, i);
    } else if (tile == 4) {
      int_tile<kOutput, kResidual, kUnitStep, 4>(c, q, w, k0, row, i);
    } else if (tile == 3) {
      int_tile<kOutput, kResidual, kUnitStep, 3>(c, q, w, k0, row, i);
    } else if (tile == 2) {
      int_tile<kOutput, kResidual, kUnitStep, 2>(c, q, w, k0, row, i);
    } else {
      int_tile<kOutput, kResidual, kUnitStep, 1>(c, q, w, k0, row, i);
    }
    i += tile;
  }
}

template <IntOutput kOutput>
static inline Quantizer quantizer_of(const IntConv& c, int64_t k) {
  const float none[4] = {};
  if constexpr (kOutput == IntOutput::u8) return Quantizer::of(c.to, k);
  return Quantizer::of({.scale = none}, 0);
}

/// The weights of 4 channels as this set multiplies them: as they lie, or widened into `scratch`.
static inline const int32_t* weights_of(const IntConv& c, int64_t k0) {
  const int8_t* const w = c.w + k0 * c.depth * 4;
  if constexpr (Weight::kWords == 1) {
    return reinterpret_cast<const int32_t*>(w);
  } else {
    for (int64_t i = 0; i < c.depth * 4; ++i) Weight::widen(w + i * 4, c.scratch + i * Weight::kWords);
    return c.scratch;
  }
}

template <IntOutput kOutput, bool kResidual>
static inline void int_channels(const IntConv& c) {
  for (int64_t k = 0; k < c.channels; k += 4) {
    const Quantizer q = quantizer_of<kOutput>(c, k);
    const int32_t* const w = weights_of(c, k);
    for (int64_t row = 0; row < c.rows; ++row)
      if (c.x_step == 1)
        int_row<kOutput, kResidual, true>(c, q, w, k, row);
      else
        int_row<kOutput, kResidual, false>(c, q, w, k, row);
  }
}

static void conv_int(const IntConv& c) {
  if (c.output == IntOutput::f32) return int_channels<IntOutput::f32, false>(c);
  if (c.output == IntOutput::s32) return int_channels<IntOutput::s32, false>(c);
  c.to.residual ? int_channels<IntOutput::u8, true>(c) : int_channels<IntOutput::u8, false>(c);
}
