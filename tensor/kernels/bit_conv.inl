// Binary convolution over lines of 16 words: count the bits in which activations and weights differ. A tile of K output
// channels by P pixels keeps its counts in registers; a word costs an xor, a population count and an add
// (README.md, "Bits"). Included once for every way of counting bits that an instruction set has: `Count` is a register
// of counts and BitTile the tile's size. Weights of a panel's missing channels are counted too, and not written.

static constexpr int kPanelSize = 4;

template <int P>
struct BitTile {
  Words different[kPanelSize][P];
};

/// Counts the bits in which P lines differ from one weight word.
template <int P>
static inline void count_lines(Count (&count)[P], const Words (&line)[P], uint32_t w) {
  const Words weight = pinned(Words::set(w));
  for (int p = 0; p < P; ++p) count[p] = count[p].plus(line[p] ^ weight);
}

/// The counts of taps begin .. end. The four channels stand here by name: as a loop, GCC 12 keeps them in memory.
template <int P, bool kUnitStep>
static inline BitTile<P> count_taps(const LineBitConv& c, const uint32_t* x, const uint32_t* w, int64_t begin,
                                    int64_t end) {
  const int64_t step = kUnitStep ? 16 : c.x_step * 16;
  Count a[P], b[P], e[P], f[P];
  for (int p = 0; p < P; ++p) a[p] = b[p] = e[p] = f[p] = Count::zero();
  for (int64_t d = begin; d < end; ++d) {
    const uint32_t* const tap = x + static_cast<int64_t>(c.taps[d]) * 16;
    Words line[P];
    for (int p = 0; p < P; ++p) line[p] = Words::load(tap + p * step);
    count_lines<P>(a, line, w[d * 4]);
    count_lines<P>(b, line, w[d * 4 + 1]);
    count_lines<P>(e, line, w[d * 4 + 2]);
    count_lines<P>(f, line, w[d * 4 + 3]);
  }
  BitTile<P> tile;
  for (int p = 0; p < P; ++p) {
    tile.different[0][p] = a[p].total();
    tile.different[1][p] = b[p].total();
    tile.different[2][p] = e[p].total();
    tile.different[3][p] = f[p].total();
  }
  return tile;
}

template <int P, bool kUnitStep>
static inline BitTile<P> count_tile(const LineBitConv& c, const uint32_t* w, int64_t i0, int part) {
  const uint32_t* const x = c.x + i0 * c.x_step * 16 + part;
  if constexpr (Count::kMost == 0) {
    return count_taps<P, kUnitStep>(c, x, w, 0, c.depth);
  } else {
    BitTile<P> sum = {};
    for (int64_t begin = 0; begin < c.depth; begin += Count::kMost) {
      const int64_t end = c.depth - begin < Count::kMost ? c.depth : begin + Count::kMost;
      const BitTile<P> more = count_taps<P, kUnitStep>(c, x, w, begin, end);
      for (int k = 0; k < kPanelSize; ++k)
        for (int p = 0; p < P; ++p) sum.different[k][p] = sum.different[k][p] + more.different[k][p];
    }
    return sum;
  }
}

/// Writes one tile: y as s32, f32 or bits of 16 images.
struct WriteCounts {
  int32_t* y;
  template <int P>
  void operator()(const LineBitConv& c, const BitTile<P>& t, int64_t k0, int64_t i0, int part) const {
    for (int p = 0; p < P; ++p) {
      const int32_t* const base = c.base + (c.classes ? c.classes[i0 + p] : 0) * c.base_step + k0;
      for (int k = 0; k < kPanelSize && k0 + k < c.channels; ++k)
        minus_twice(base[k], t.different[k][p])
            .store(reinterpret_cast<uint32_t*>(y) + ((k0 + k) * c.y_plane + i0 + p) * 16 + part);
    }
  }
};

struct WriteFloats {
  float* y;
  template <int P>
  void operator()(const LineBitConv& c, const BitTile<P>& t, int64_t k0, int64_t i0, int part) const {
    for (int p = 0; p < P; ++p) {
      const int32_t* const base = c.base + (c.classes ? c.classes[i0 + p] : 0) * c.base_step + k0;
      for (int k = 0; k < kPanelSize && k0 + k < c.channels; ++k) {
        Vec v = Vec::set(c.scale ? c.scale[k0 + k] : 1.0f) * as_float(minus_twice(base[k], t.different[k][p]));
        if (c.bias) v = v + Vec::set(c.bias[k0 + k]);
        v.store(y + ((k0 + k) * c.y_plane + i0 + p) * 16 + part);
      }
    }
  }
};

/// A panel's four channels are the four bytes of a lane, by the one rule (quantize.inl).
template <bool kResidual>
struct WriteBytes {
  uint8_t* y;
  const Requantize& to;
  template <int P>
  void operator()(const LineBitConv& c, const BitTile<P>& t, int64_t k0, int64_t i0, int part) const {
    const Quantizer q = Quantizer::of(to, k0);
    for (int p = 0; p < P; ++p) {
      const int32_t* const base = c.base + (c.classes ? c.classes[i0 + p] : 0) * c.base_step + k0;
      Vec dot[kPanelSize];
      for (int k = 0; k < kPanelSize; ++k) dot[k] = as_float(minus_twice(base[k], t.different[k][p]));
      const int64_t i = i0 + p, at = ((k0 / 4 * c.y_plane + i) * 16 + part) * 4;
      const uint8_t* const r =
          kResidual ? to.residual + ((k0 / 4 * to.residual_plane + i * to.residual_step) * 16 + part) * 4 : nullptr;
      requantize<kResidual, false>(q, dot[0], dot[1], dot[2], dot[3], r, y + at);
    }
  }
};

/// The four bits of a panel join the word that the panels before it began; the first one begins it.
struct WriteBits {
  uint32_t* y;
  template <int P>
  void operator()(const LineBitConv& c, const BitTile<P>& t, int64_t k0, int64_t i0, int part) const {
    const uint32_t first = 1u << (k0 % 32);
    const uint32_t inverted = c.inverted ? c.inverted[k0 / 32] & first * 15 : 0;
    uint32_t* const word = y + (k0 / 32 * c.y_plane + i0) * 16 + part;
    const Words one = Words::set(first), two = one + one, four = two + two, eight = four + four;
    for (int p = 0; p < P; ++p) {
      const int32_t* const base = c.base + (c.classes ? c.classes[i0 + p] : 0) * c.base_step + k0;
      Words bits = Words::set(inverted);
      bits = flip_where_at_most(bits, t.different[0][p], Words::set(base[0]), one);
      bits = flip_where_at_most(bits, t.different[1][p], Words::set(base[1]), two);
      bits = flip_where_at_most(bits, t.different[2][p], Words::set(base[2]), four);
      bits = flip_where_at_most(bits, t.different[3][p], Words::set(base[3]), eight);
      (k0 % 32 ? bits | Words::load(word + p * 16) : bits).store(word + p * 16);
    }
  }
};

template <int P, bool kUnitStep, class Write>
static inline void bit_tile(const LineBitConv& c, int64_t k0, int64_t i0, const Write& write) {
  for (int part = 0; part < 16; part += Words::kWidth)
    write.template operator()<P>(c, count_tile<P, kUnitStep>(c, c.w + k0 * c.depth, i0, part), k0, i0, part);
}

template <bool kUnitStep, class Write>
static inline void conv_bits_rows(const LineBitConv& c, const Write& write) {
  constexpr int P = Count::kTilePixels;
  for (int64_t k0 = 0; k0 < c.channels; k0 += kPanelSize) {
    int64_t i = 0;
    for (; i + P <= c.outputs; i += P) bit_tile<P, kUnitStep>(c, k0, i, write);
    if (P > 2 && i + 2 <= c.outputs) bit_tile<2, kUnitStep>(c, k0, i, write), i += 2;
    for (; i < c.outputs; ++i) bit_tile<1, kUnitStep>(c, k0, i, write);
  }
}

template <class Write>
static inline void conv_bits(const LineBitConv& c, const Write& write) {
  c.x_step == 1 ? conv_bits_rows<true>(c, write) : conv_bits_rows<false>(c, write);
}

static void conv_bits_counts(const LineBitConv& c, int32_t* y) { conv_bits(c, WriteCounts{y}); }
static void conv_bits_floats(const LineBitConv& c, float* y) { conv_bits(c, WriteFloats{y}); }
static void conv_bits_bytes(const LineBitConv& c, const Requantize& to, uint8_t* y) {
  to.residual ? conv_bits(c, WriteBytes<true>{y, to}) : conv_bits(c, WriteBytes<false>{y, to});
}
static void conv_bits_bits(const LineBitConv& c, uint32_t* y) { conv_bits(c, WriteBits{y}); }
