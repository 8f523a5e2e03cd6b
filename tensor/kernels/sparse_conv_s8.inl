// Sparse integer convolution: every kept block of 1 output x 4 input channels is one dot product on every output line.
// A tile of R rows by Q outputs of one channel stays in registers while the channel's list is walked; the sums of four
// channels wait in the first-level cache and then become one line of bytes. One load a product is the limit, so the
// tile is as large as the registers allow: its broadcast and its two list entries are shared by R Q products.

template <bool kUnitStep, int R, int Q>
static inline void sparse_int_sums(const SparseIntConv& s, int64_t k, const uint8_t* x, IntTile<4, Q>* t) {
  const int64_t step = (kUnitStep ? 1 : s.dense.x_step) * 64, row = s.dense.x_row * 64;
  Int sum[R][Q];
  for (int r = 0; r < R; ++r)
    for (int q = 0; q < Q; ++q) sum[r][q] = Int::set(s.dense.bias[k]);
  const int64_t end = s.start[k + 1];
  for (int64_t i = s.start[k]; i < end; ++i) {
    const uint8_t* const tap = x + static_cast<int64_t>(s.offsets[i]) * 64;
    const Weight weight = pinned(Weight::of_block(s.weights + i));
    for (int r = 0; r < R; ++r)
      for (int q = 0; q < Q; ++q) sum[r][q] = dot(sum[r][q], Bytes::of(Int::load(tap + r * row + q * step)), weight);
  }
  for (int r = 0; r < R; ++r)
    for (int q = 0; q < Q; ++q) t[r].sum[q][k % 4] = sum[r][q];
}

template <IntOutput kOutput, bool kResidual, bool kUnitStep, int R, int Q>
static inline void sparse_int_tile(const SparseIntConv& s, const Quantizer& q, int64_t k0, int64_t row, int64_t i0) {
  const IntConv& c = s.dense;
  for (int part = 0; part < 16; part += Int::kWidth) {
    const uint8_t* const x = c.x + (row * c.x_row + i0 * (kUnitStep ? 1 : c.x_step)) * 64 + part * 4;
    IntTile<4, Q> t[R];
    for (int64_t k = k0; k < k0 + 4; ++k) sparse_int_sums<kUnitStep, R, Q>(s, k, x, t);
    for (int r = 0; r < R; ++r) finish_int_tile<kOutput, kResidual, Q>(c, q, t[r], k0, row + r, i0, part);
  }
}

/// Rows [row, row + R) of four channels, whose width is a multiple of Q.
template <IntOutput kOutput, bool kResidual, bool kUnitStep, int R, int Q>
static inline void sparse_int_strip(const SparseIntConv& s, int64_t row) {
  for (int64_t k = 0; k < s.dense.channels; k += 4) {
    const Quantizer q = quantizer_of<kOutput>(s.dense, k);
    for (int64_t i = 0; i < s.dense.outputs; i += Q)
      sparse_int_tile<kOutput, kResidual, kUnitStep, R, Q>(s, q, k, row, i);
  }
}

/// One row of any width.
template <IntOutput kOutput, bool kResidual, bool kUnitStep>
static inline void sparse_int_row(const SparseIntConv& s, int64_t row) {
  constexpr int kTile = kWideInt ? 16 : 8;
  for (int64_t k = 0; k < s.dense.channels; k += 4) {
    const Quantizer q = quantizer_of<kOutput>(s.dense, k);
    for (int64_t i = 0; i < s.dense.outputs;) {
      const int64_t left = s.dense.outputs - i;
      if (left >= kTile) {
        sparse_int_tile<kOutput, kResidual, kUnitStep, 1, kTile>(s, q, k, row, i);
        i += kTile;
      } else if (left >= 4) {
        sparse_int_tile<kOutput, kResidual, kUnitStep, 1, 4>(s, q, k, row, i);
        i += 4;
      } else {
        sparse_int_tile<kOutput, kResidual, kUnitStep, 1, 1>(s, q, k, row, i);
        ++i;
      }
    }
  }
}

/// Narrow rows fill a tile together with the rows below them.
template <IntOutput kOutput, bool kResidual, bool kUnitStep>
static inline void sparse_int_channels(const SparseIntConv& s) {
  constexpr int kHalf = kWideInt ? 8 : 4;
  const int64_t outputs = s.dense.outputs;
  for (int64_t row = 0; row < s.dense.rows;) {
    const int64_t left = s.dense.rows - row;
    if (outputs % kHalf == 0 && outputs % (2 * kHalf) != 0 && left >= 2) {
      sparse_int_strip<kOutput, kResidual, kUnitStep, 2, kHalf>(s, row);
      row += 2;
    } else if (kWideInt && outputs % 4 == 0 && outputs % 8 != 0 && left >= 4) {
      sparse_int_strip<kOutput, kResidual, kUnitStep, 4, 4>(s, row);
      row += 4;
    } else if (outputs == 2 && left >= 2) {
      sparse_int_strip<kOutput, kResidual, kUnitStep, 2, 2>(s, row);
      row += 2;
    } else {
      sparse_int_row<kOutput, kResidual, kUnitStep>(s, row);
      ++row;
    }
  }
}

template <IntOutput kOutput, bool kResidual>
static inline void sparse_int_steps(const SparseIntConv& s) {
  s.dense.x_step == 1 ? sparse_int_channels<kOutput, kResidual, true>(s)
                      : sparse_int_channels<kOutput, kResidual, false>(s);
}

static void sparse_conv_int(const SparseIntConv& s) {
  if (s.dense.output == IntOutput::f32) return sparse_int_steps<IntOutput::f32, false>(s);
  if (s.dense.output == IntOutput::s32) return sparse_int_steps<IntOutput::s32, false>(s);
  s.dense.to.residual ? sparse_int_steps<IntOutput::u8, true>(s) : sparse_int_steps<IntOutput::u8, false>(s);
}
