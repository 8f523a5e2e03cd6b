// Batch normalisation over planes of lines. Bound by memory: forward reads x for the moments, then x and writes y; the
// way back reads x and dy (and y only behind a residual sum) for two sums, then once more and writes dx.

static constexpr int64_t kMomentLines = 256;  // 16 KB: read twice out of the first-level cache

/// Sum over `rows` rows of w lines of f(row, line, part), which is a Vec; per-lane floats, double at the end.
template <class F>
static inline double sum_lines(int64_t first, int64_t rows, int64_t w, const F& f) {
  double total = 0;
  for (int part = 0; part < 16; part += Vec::kWidth) {
    Vec s[4] = {Vec::zero(), Vec::zero(), Vec::zero(), Vec::zero()};
    for (int64_t r = first; r < first + rows; ++r) {
      int64_t i = 0;
      for (; i + 4 <= w; i += 4)
        for (int u = 0; u < 4; ++u) s[u] = s[u] + f(r, i + u, part);
      for (; i < w; ++i) s[0] = s[0] + f(r, i, part);
    }
    total += static_cast<double>(sum((s[0] + s[1]) + (s[2] + s[3])));
  }
  return total;
}

static void line_moments(const LinesIn& x, int64_t h, int64_t w, int64_t live, double* mean, double* squares) {
  const int64_t stretch = w >= kMomentLines ? 1 : kMomentLines / (w > 0 ? w : 1);
  double count = 0, m = 0, m2 = 0;
  float at[16];
  for (int64_t r = 0; r < h; r += stretch) {
    const int64_t rows = h - r < stretch ? h - r : stretch;
    const double here = static_cast<double>(rows * w * live);
    const double mean_here =
        sum_lines(r, rows, w,
                  [&](int64_t y, int64_t i, int part) { return Vec::load(x.p + (y * x.row + i) * 16 + part); }) /
        here;
    for (int l = 0; l < 16; ++l) at[l] = l < live ? static_cast<float>(mean_here) : 0.0f;
    const double squares_here = sum_lines(r, rows, w, [&](int64_t y, int64_t i, int part) {
      const Vec d = Vec::load(x.p + (y * x.row + i) * 16 + part) - Vec::load(at + part);
      return d * d;
    });
    const double off = mean_here - static_cast<double>(at[0]);  // the float mean is not quite the mean
    const double delta = mean_here - m, all = count + here;
    m2 += squares_here - here * off * off + delta * delta * count * here / all;
    m += delta * here / all;
    count = all;
  }
  *mean = m;
  *squares = m2 > 0 || m2 != m2 ? m2 : 0;
}

template <bool kRelu, bool kResidual>
static inline void norm_plane(const LineNorm& n) {
  const Vec scale = Vec::set(n.scale);
  const int64_t w = n.w, h = n.h;
  for (int part = 0; part < 16; part += Vec::kWidth) {
    const Vec shift = Vec::load(n.shift + part);
    for (int64_t r = 0; r < h; ++r) {
      const float* const x = n.x.p + r * n.x.row * 16 + part;
      const float* const add = kResidual ? n.residual.p + r * n.residual.row * 16 + part : nullptr;
      float* const y = n.y.p + r * n.y.row * 16 + part;
      for (int64_t i = 0; i < w; ++i) {
        ask_for(x + i * 16);
        ask_to_write(y + i * 16);
        Vec v = fma(Vec::load(x + i * 16), scale, shift);
        if (kResidual) {
          ask_for(add + i * 16);
          v = v + Vec::load(add + i * 16);
        }
        if (kRelu) v = max(Vec::zero(), v);
        v.store(y + i * 16);
      }
    }
  }
}

static void line_norm(const LineNorm& n) {
  if (n.residual.p != nullptr) return n.relu ? norm_plane<true, true>(n) : norm_plane<false, true>(n);
  n.relu ? norm_plane<true, false>(n) : norm_plane<false, false>(n);
}

/// Where g comes from: all of dy, dy where y > 0, or dy where x scale + shift > 0.
enum class NormMask { none, result, argument };
/// What becomes of it: nothing but sums; it is kept; it is kept, and the rest of the gradient added to dy before.
enum class NormKeep { none, g, whole };

/// One part of every line of a plane, its constants in registers: stores may not make the compiler read them again.
struct NormPart {
  Vec scale, shift;
  int part;
};

template <NormMask kMask>
static inline Vec masked_gradient(const NormPart& k, Vec x, Vec g, const float* y) {
  if (kMask == NormMask::none) return g;
  if (kMask == NormMask::result) return where_positive(Vec::load(y), g);
  return where_positive(fma(x, k.scale, k.shift), g);
}

template <NormMask kMask, NormKeep kKeep>
static inline void norm_sums_part(const LineNormGradient& n, const NormPart& k, double* sum_g, double* sum_gx) {
  const Vec mean = Vec::set(n.mean);
  const int64_t w = n.w, h = n.h;
  for (int64_t r = 0; r < h; ++r) {
    const float* const x = n.x.p + r * n.x.row * 16 + k.part;
    const float* const dy = n.dy.p + r * n.dy.row * 16 + k.part;
    const float* const y = kMask == NormMask::result ? n.y.p + r * n.y.row * 16 + k.part : nullptr;
    const float* const more = kKeep == NormKeep::whole ? n.more.p + r * n.more.row * 16 + k.part : nullptr;
    float* const kept = kKeep != NormKeep::none ? n.g.p + r * n.g.row * 16 + k.part : nullptr;
    Vec g0 = Vec::zero(), g1 = Vec::zero(), gx0 = Vec::zero(), gx1 = Vec::zero();
    const auto take = [&](int64_t i, Vec& g_sum, Vec& gx_sum) {
      ask_for(x + i * 16);
      ask_for(dy + i * 16);
      if (kMask == NormMask::result) ask_for(y + i * 16);
      if (kKeep == NormKeep::whole) ask_for(more + i * 16);
      const Vec v = Vec::load(x + i * 16);
      Vec whole = Vec::load(dy + i * 16);
      if (kKeep == NormKeep::whole) whole = whole + Vec::load(more + i * 16);
      const Vec g = masked_gradient<kMask>(k, v, whole, y + (kMask == NormMask::result ? i * 16 : 0));
      if (kKeep != NormKeep::none) g.store(kept + i * 16);
      g_sum = g_sum + g;
      gx_sum = fma(g, v - mean, gx_sum);
    };
    int64_t i = 0;
    for (; i + 2 <= w; i += 2) {
      take(i, g0, gx0);
      take(i + 1, g1, gx1);
    }
    if (i < w) take(i, g0, gx0);
    *sum_g += static_cast<double>(sum(g0 + g1));
    *sum_gx += static_cast<double>(sum(gx0 + gx1));
  }
}

template <NormMask kMask>
static inline void norm_sums(const LineNormGradient& n, double* sum_g, double* sum_gx) {
  double g = 0, gx = 0;
  for (int part = 0; part < 16; part += Vec::kWidth) {
    const NormPart k{Vec::set(n.scale), Vec::load(n.shift + part), part};
    if (n.g.p == nullptr)
      norm_sums_part<kMask, NormKeep::none>(n, k, &g, &gx);
    else if (n.more.p == nullptr)
      norm_sums_part<kMask, NormKeep::g>(n, k, &g, &gx);
    else
      norm_sums_part<kMask, NormKeep::whole>(n, k, &g, &gx);
  }
  *sum_g = g;
  *sum_gx = gx;
}

static void line_norm_sums(const LineNormGradient& n, double* sum_g, double* sum_gx) {
  if (!n.relu) return norm_sums<NormMask::none>(n, sum_g, sum_gx);
  n.y.p != nullptr ? norm_sums<NormMask::result>(n, sum_g, sum_gx) : norm_sums<NormMask::argument>(n, sum_g, sum_gx);
}

template <NormMask kMask>
static inline void norm_gradient(const LineNormGradient& n) {
  const Vec a = Vec::set(n.a), b = Vec::set(n.b);
  const int64_t w = n.w, h = n.h;
  for (int part = 0; part < 16; part += Vec::kWidth) {
    const NormPart k{Vec::set(n.scale), Vec::load(n.shift + part), part};
    const Vec c = Vec::load(n.c + part);
    for (int64_t r = 0; r < h; ++r) {
      const float* const x = n.x.p + r * n.x.row * 16 + part;
      const float* const dy = n.dy.p + r * n.dy.row * 16 + part;
      const float* const y = kMask == NormMask::result ? n.y.p + r * n.y.row * 16 + part : nullptr;
      float* const dx = n.dx.p + r * n.dx.row * 16 + part;
      for (int64_t i = 0; i < w; ++i) {
        ask_for(x + i * 16);
        ask_for(dy + i * 16);
        ask_to_write(dx + i * 16);
        const Vec v = Vec::load(x + i * 16);
        const Vec g = masked_gradient<kMask>(k, v, Vec::load(dy + i * 16), y + (kMask == NormMask::result ? i * 16 : 0));
        fma(g, a, fma(v, b, c)).store(dx + i * 16);
      }
    }
  }
}

static void line_norm_gradient(const LineNormGradient& n) {
  if (!n.relu) return norm_gradient<NormMask::none>(n);
  n.y.p != nullptr ? norm_gradient<NormMask::result>(n) : norm_gradient<NormMask::argument>(n);
}
