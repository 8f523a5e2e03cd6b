// Pooling over planes of lines. A window is cut to the plane before it is walked, so padding costs nothing.

/// The kernel's rows (or columns) of output `o` that lie in the plane: first, last and step, in places of the plane.
struct PoolSpan {
  int64_t begin, end, step;
};

static inline PoolSpan pool_span(const LinePool& n, int axis, int64_t o, int64_t extent) {
  const int64_t step = n.dilation[axis], start = o * n.stride[axis] - n.padding[axis];
  const int64_t skipped = start < 0 ? (step - 1 - start) / step : 0;
  const int64_t stop = start + n.kernel[axis] * step;
  return {start + skipped * step, stop < extent ? stop : extent, step};
}

/// f(output row, output column, rows, columns) for every window.
template <class F>
static inline void each_window(const LinePool& n, const F& f) {
  for (int64_t y = 0; y < n.oh; ++y) {
    const PoolSpan rows = pool_span(n, 0, y, n.h);
    for (int64_t x = 0; x < n.ow; ++x) f(y, x, rows, pool_span(n, 1, x, n.w));
  }
}

static void line_max_pool(const LinePool& n) {
  each_window(n, [&](int64_t y, int64_t x, PoolSpan rows, PoolSpan columns) {
    for (int part = 0; part < 16; part += Vec::kWidth) {
      Vec best = Vec::load(n.x.p + (rows.begin * n.x.row + columns.begin) * 16 + part);
      for (int64_t r = rows.begin; r < rows.end; r += rows.step)
        for (int64_t c = columns.begin; c < columns.end; c += columns.step)
          best = largest(best, Vec::load(n.x.p + (r * n.x.row + c) * 16 + part));
      best.store(n.out.p + (y * n.out.row + x) * 16 + part);
    }
  });
}

static void line_mean_pool(const LinePool& n) {
  const Vec share = Vec::set(1.0f / static_cast<float>(n.kernel[0] * n.kernel[1]));
  each_window(n, [&](int64_t y, int64_t x, PoolSpan rows, PoolSpan columns) {
    for (int part = 0; part < 16; part += Vec::kWidth) {
      Vec total = Vec::zero();
      for (int64_t r = rows.begin; r < rows.end; r += rows.step)
        for (int64_t c = columns.begin; c < columns.end; c += columns.step)
          total = total + Vec::load(n.x.p + (r * n.x.row + c) * 16 + part);
      (total * share).store(n.out.p + (y * n.out.row + x) * 16 + part);
    }
  });
}

static inline void clear_plane(const LinePool& n) {
  for (int64_t r = 0; r < n.h; ++r)
    for (int64_t i = 0; i < n.w * 16; i += Vec::kWidth) Vec::zero().store(n.out.p + r * n.out.row * 16 + i);
}

static void line_max_pool_gradient(const LinePool& n) {
  clear_plane(n);
  each_window(n, [&](int64_t y, int64_t x, PoolSpan rows, PoolSpan columns) {
    for (int part = 0; part < 16; part += Vec::kWidth) {
      const Vec best = Vec::load(n.y.p + (y * n.y.row + x) * 16 + part);
      Vec left = Vec::load(n.dy.p + (y * n.dy.row + x) * 16 + part);  // not yet given away
      for (int64_t r = rows.begin; r < rows.end; r += rows.step)
        for (int64_t c = columns.begin; c < columns.end; c += columns.step) {
          const Vec taken = where_equal(Vec::load(n.x.p + (r * n.x.row + c) * 16 + part), best, left);
          float* const to = n.out.p + (r * n.out.row + c) * 16 + part;
          (Vec::load(to) + taken).store(to);
          left = left - taken;
        }
    }
  });
}

static void line_mean_pool_gradient(const LinePool& n) {
  clear_plane(n);
  const Vec share = Vec::set(1.0f / static_cast<float>(n.kernel[0] * n.kernel[1]));
  each_window(n, [&](int64_t y, int64_t x, PoolSpan rows, PoolSpan columns) {
    for (int part = 0; part < 16; part += Vec::kWidth) {
      const Vec g = Vec::load(n.dy.p + (y * n.dy.row + x) * 16 + part) * share;
      for (int64_t r = rows.begin; r < rows.end; r += rows.step)
        for (int64_t c = columns.begin; c < columns.end; c += columns.step) {
          float* const to = n.out.p + (r * n.out.row + c) * 16 + part;
          (Vec::load(to) + g).store(to);
        }
    }
  });
}
