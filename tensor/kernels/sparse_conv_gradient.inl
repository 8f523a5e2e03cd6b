// The gradient of sparse weights: the tile of dy stays in registers, and each weight's products are added up over it,
// four weights side by side so that sixteen chains are open. Tiles, lists and fetching ahead: sparse_conv_f32.inl.

/// A tile of dy, and the lines of x under it.
template <int R, int Q>
struct TileOfDy {
  Vec dy[R * Q];
  TileLines lines;
};

/// One weight; its products in several sums, for nothing else is open.
template <int R, int Q>
[[gnu::always_inline]] static inline float gradient_of_one(const TileOfDy<R, Q>& t, int32_t offset) {
  constexpr int N = R * Q, C = N < 4 ? N : 4;
  const float* const tap = t.lines.x + static_cast<int64_t>(offset) * 16;
  Vec v[C];
  for (int i = 0; i < C; ++i) v[i] = Vec::load(tap + i / Q * t.lines.row + i % Q * t.lines.step) * t.dy[i];
  for (int i = C; i < N; ++i)
    v[i % C] = fma(Vec::load(tap + i / Q * t.lines.row + i % Q * t.lines.step), t.dy[i], v[i % C]);
  for (int i = 1; i < C; ++i) v[0] = v[0] + v[i];
  return sum(v[0]);
}

/// dvalues[begin .. end - 1] += their products with the tile.
template <int R, int Q>
[[gnu::always_inline]] static inline void gradient_of_list(const SparseWindowGradient& c, const TileOfDy<R, Q>& t,
                                                           uint32_t begin, uint32_t end) {
  constexpr int N = R * Q, G = 4;
  uint32_t k = begin;
  for (; k + G <= end; k += G) {
    const float* tap[G];
    for (int u = 0; u < G; ++u)
      tap[u] = t.lines.x + static_cast<int64_t>(c.kept.offsets[k + static_cast<uint32_t>(u)]) * 16;
    Vec sum[G];
    for (int u = 0; u < G; ++u) sum[u] = Vec::load(tap[u]) * t.dy[0];
    for (int i = 1; i < N; ++i)
      for (int u = 0; u < G; ++u)
        sum[u] = fma(Vec::load(tap[u] + i / Q * t.lines.row + i % Q * t.lines.step), t.dy[i], sum[u]);
    add_sums_of_four(sum[0], sum[1], sum[2], sum[3], c.dvalues + k);
  }
  for (; k < end; ++k) c.dvalues[k] += gradient_of_one(t, c.kept.offsets[k]);
}

template <int kStep>
struct SparseGradientTile {
  const SparseWindowGradient& c;
  template <int R, int Q>
  void run(int64_t row, int64_t column) const {
    const int64_t step = kStep ? kStep : c.x_step;
    for (int part = 0; part < 16; part += Vec::kWidth) {
      TileOfDy<R, Q> t;
      t.lines = {c.x + (row * c.x_row + column * step) * 16 + part, c.x_row * 16, step * 16};
      const float* const dy = c.dy + (row * c.dy_row + column) * 16 + part;
      const uint32_t* start = c.kept.start;
      const LinesAhead<Q> ahead =
          lines_ahead<R, Q>(c.ahead, t.lines.x + (R * c.x_row + c.x_reach) * 16, row, c.rows, column * step,
                            {nullptr, c.x_plane, c.x_row, step, 0, part == 0 ? c.x_planes : 0, c.channels});
      for (int64_t b = 0; b < c.kept.blocks; ++b)
        for (int64_t k = 0; k < c.channels; ++k, start += KeptTaps::kParts) {
          if (b == 0) ahead.fetch(k);
          if (start[0] == start[KeptTaps::kParts]) continue;
          const float* const tile = dy + k * c.dy_plane * 16;
          for (int i = 0; i < R * Q; ++i) t.dy[i] = Vec::load(tile + (i / Q * c.dy_row + i % Q) * 16);
          gradient_of_list(c, t, start[0], start[KeptTaps::kParts]);
        }
    }
  }
};

static void sparse_conv_gradient(const SparseWindowGradient& c) {
  if (c.x_step == 1) return sparse_tiles(c.rows, c.outputs, SparseGradientTile<1>{c});
  sparse_tiles(c.rows, c.outputs, SparseGradientTile<0>{c});
}
