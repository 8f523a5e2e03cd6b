// Weights of 4, 2 and 1 bits times 8-bit activations. Rows of the matrix are lanes: one load brings the codes of 16
// rows, one or three operations make them bytes, and every 4 columns are one dot product with a broadcast word of x
// (README.md, "Narrow weights"). A line of 16 rows is 16 / W vectors, one after the other.

static constexpr int kNarrowColumns = Vec::kRegisters == 32 ? 8 : 4;

/// Codes J of a vector as unsigned levels.
template <int kBits, int J>
static inline Words narrow_levels(Words codes, Words table) {
  const Words low = low_bits<kBits, J>(codes);
  if constexpr (kBits == 4) return low;
  return lookup(table, low);
}

template <int N>
static inline void dot_columns(Words (&sum)[N], Words level, const Words (&x)[N]) {
  for (int n = 0; n < N; ++n) sum[n] = dot_bytes(sum[n], level, x[n]);
}

/// The 8 / kBits dot products of one step, from J on, for R panels by N columns. Of few columns, odd ones have sums of
/// their own, so that more of them are under way.
template <int kBits, int J, int N>
static inline void narrow_step(Words (&even)[2][N], Words (&odd)[2][N], const Words (&codes)[2],
                               const Words (&table)[2], const int32_t* x, int64_t columns, bool two) {
  if constexpr (J < 8 / kBits) {
    Words column[N];
    for (int n = 0; n < N; ++n) column[n] = pinned(Words::set(x[J * columns + n]));
    auto& sum = N <= 2 && J % 2 ? odd : even;
    dot_columns<N>(sum[0], narrow_levels<kBits, J>(codes[0], table[0]), column);
    if (two) dot_columns<N>(sum[1], narrow_levels<kBits, J>(codes[1], table[1]), column);
    narrow_step<kBits, J + 1, N>(even, odd, codes, table, x, columns, two);
  }
}

/// Sums of one group of kPanels panels, N columns from j0 on.
template <int kBits, int kPanels, int N>
static inline void narrow_group(const NarrowProduct& p, int64_t panel, int64_t group, int64_t j0, int part,
                                Words (&sum)[2][N]) {
  const int64_t stride = p.groups * p.steps * 64;
  const uint8_t* w = p.w + panel * stride + group * p.steps * 64 + part * 4;
  const int32_t* x = p.x + group * p.steps * (8 / kBits) * p.columns + j0;
  Words table[2] = {Words::zero(), Words::zero()}, codes[2] = {Words::zero(), Words::zero()}, odd[2][N];
  for (int r = 0; r < kPanels; ++r) {
    if (kBits < 4) table[r] = Words::load_bytes(p.levels + (panel + r) * 64 + part * 4);
    const Words zero = Words::load(reinterpret_cast<const uint32_t*>(p.zero) + (panel + r) * 16 + part);
    for (int n = 0; n < N; ++n) {
      sum[r][n] = zero * Words::set(-p.x_sum[group * p.columns + j0 + n]);
      odd[r][n] = Words::zero();
    }
  }
  for (int64_t s = 0; s < p.steps; ++s, w += 64, x += 8 / kBits * p.columns) {
    codes[0] = Words::load_bytes(w);
    if (kPanels == 2) codes[1] = Words::load_bytes(w + stride);
    if (N <= 2) prefetch(w + 4096);
    narrow_step<kBits, 0, N>(sum, odd, codes, table, x, p.columns, kPanels == 2);
  }
  if constexpr (N <= 2)
    for (int r = 0; r < kPanels; ++r)
      for (int n = 0; n < N; ++n) sum[r][n] = sum[r][n] + odd[r][n];
}

template <int N>
static inline void narrow_store(const NarrowProduct& p, int64_t row, int64_t j0, const Vec (&y)[N]) {
  const Vec bias = Vec::load(p.bias + row);
  for (int n = 0; n < N; ++n) (y[n] * Vec::set(p.x_scale[j0 + n]) + bias).store(p.y + (j0 + n) * p.y_step + row);
}

template <int kBits, int kPanels, int N>
static inline void narrow_tile(const NarrowProduct& p, int64_t panel, int64_t j0) {
  for (int part = 0; part < 16; part += Words::kWidth) {
    Vec y[kPanels][N];
    for (int r = 0; r < kPanels; ++r)
      for (int n = 0; n < N; ++n) y[r][n] = Vec::zero();
    for (int64_t g = 0; g < p.groups; ++g) {
      Words sum[2][N];
      narrow_group<kBits, kPanels, N>(p, panel, g, j0, part, sum);
      for (int r = 0; r < kPanels; ++r) {
        if (p.sums) {
          auto* const out = reinterpret_cast<uint32_t*>(p.sums) + (panel + r) * 16 + part;
          for (int n = 0; n < N; ++n) sum[r][n].store(out + (j0 + n) * p.y_step);
          continue;
        }
        const Vec scale = Vec::load(p.scale + ((panel + r) * p.groups + g) * 16 + part);
        for (int n = 0; n < N; ++n) y[r][n] = fma(scale, as_float(sum[r][n]), y[r][n]);
      }
    }
    if (p.sums) continue;
    for (int r = 0; r < kPanels; ++r) narrow_store<N>(p, (panel + r) * 16 + part, j0, y[r]);
  }
}

/// Two panels share their words of x, unless the sums of groups take the registers.
template <int kBits, int N>
static inline void narrow_panels(const NarrowProduct& p, int64_t j0) {
  int64_t panel = 0;
  if constexpr (N > 2 && Vec::kRegisters == 32)
    for (; p.groups == 1 && panel + 2 <= p.panels; panel += 2) narrow_tile<kBits, 2, N>(p, panel, j0);
  for (; panel < p.panels; ++panel) narrow_tile<kBits, 1, N>(p, panel, j0);
}

template <int kBits>
static inline void narrow_columns(const NarrowProduct& p) {
  int64_t j = 0;
  for (; j + kNarrowColumns <= p.columns; j += kNarrowColumns) narrow_panels<kBits, kNarrowColumns>(p, j);
  if (j + 4 <= p.columns) narrow_panels<kBits, 4>(p, j), j += 4;
  if (j + 2 <= p.columns) narrow_panels<kBits, 2>(p, j), j += 2;
  if (j < p.columns) narrow_panels<kBits, 1>(p, j);
}

static void narrow_product(const NarrowProduct& p) {
  p.bits == 4 ? narrow_columns<4>(p) : p.bits == 2 ? narrow_columns<2>(p) : narrow_columns<1>(p);
}

template <int kBits, int J>
static inline void unpack_vector(Words codes, Words table, int8_t* out) {
  if constexpr (J < 8 / kBits) {
    const Words low = low_bits<kBits, J>(codes);
    (kBits == 4 ? lookup_any(table, low) : lookup(table, low)).store_bytes(out + J * 64);
    unpack_vector<kBits, J + 1>(codes, table, out);
  }
}

template <int kBits>
static inline void unpack_vectors(const NarrowUnpack& u) {
  for (int part = 0; part < 16; part += Words::kWidth) {
    const Words table = Words::repeat_16_bytes(u.levels, kBits == 4 ? 0 : part);
    for (int64_t v = 0; v < u.vectors; ++v)
      unpack_vector<kBits, 0>(Words::load_bytes(u.codes + v * 64 + part * 4), table,
                              u.out + v * (8 / kBits) * 64 + part * 4);
  }
}

static void narrow_unpack(const NarrowUnpack& u) {
  u.bits == 4 ? unpack_vectors<4>(u) : u.bits == 2 ? unpack_vectors<2>(u) : unpack_vectors<1>(u);
}
