// Requantisation of quantized training over planes of lines of floats: ops/requantize.h. Bound by memory. Every step is
// rounded by itself, without a fused multiply-add, because the result has to be that of the integer kernels.

struct RequantizePart {
  Vec bias, scale, residual_scale, low, high;
  explicit RequantizePart(const LineRequantize& r)
      : bias(Vec::set(r.bias)),
        scale(Vec::set(r.scale)),
        residual_scale(Vec::set(r.residual_scale)),
        low(Vec::set(r.low)),
        high(Vec::set(r.high)) {}
};

template <bool kAdds, bool kRounds>
static inline void requantize_plane(const LineRequantize& r) {
  const RequantizePart k(r);
  for (int64_t y = 0; y < r.h; ++y) {
    const float* const s = r.sums.p + y * r.sums.row * 16;
    const float* const e = kAdds ? r.residual.p + y * r.residual.row * 16 : nullptr;
    float* const out = r.y.p + y * r.y.row * 16;
    for (int64_t i = 0; i < r.w * 16; i += Vec::kWidth) {
      ask_for(s + i);
      ask_to_write(out + i);
      if (kAdds) ask_for(e + i);
      Vec v = (Vec::load(s + i) + k.bias) * k.scale;
      if (kAdds) v = v + Vec::load(e + i) * k.residual_scale;
      v = min(max(v, k.low), k.high);
      if (kRounds) v = rounded(v);
      v.store(out + i);
    }
  }
}

static void line_requantize(const LineRequantize& r) {
  if (r.residual.p != nullptr) return r.rounds ? requantize_plane<true, true>(r) : requantize_plane<true, false>(r);
  r.rounds ? requantize_plane<false, true>(r) : requantize_plane<false, false>(r);
}

/// Three sums as they grow: of g, of g (sum + bias), of g residual.
struct RequantizeSums {
  Vec g, gt, gr;
};

/// One vector of a row: writes what flows on, adds to the sums.
template <bool kAdds>
static inline void requantize_gradient_vector(const RequantizePart& k, const float* s, const float* e, const float* dy,
                                              const float* more, float* ds, float* de, RequantizeSums& sums) {
  ask_for(s);
  ask_for(dy);
  ask_to_write(ds);
  if (kAdds) {
    ask_for(e);
    ask_to_write(de);
  }
  const Vec t = Vec::load(s) + k.bias;
  Vec v = t * k.scale;
  if (kAdds) v = v + Vec::load(e) * k.residual_scale;
  Vec whole = Vec::load(dy);
  if (more != nullptr) {
    ask_for(more);
    whole = whole + Vec::load(more);
  }
  const Vec g = where_equal(min(max(v, k.low), k.high), v, whole);
  (g * k.scale).store(ds);
  sums.g = sums.g + g;
  sums.gt = sums.gt + g * t;
  if (!kAdds) return;
  (g * k.residual_scale).store(de);
  sums.gr = sums.gr + g * Vec::load(e);
}

static inline void add_sums(const RequantizeSums& a, const RequantizeSums& b, double* total) {
  total[0] += static_cast<double>(sum(a.g + b.g));
  total[1] += static_cast<double>(sum(a.gt + b.gt));
  total[2] += static_cast<double>(sum(a.gr + b.gr));
}

template <bool kAdds>
static inline void requantize_gradient_plane(const LineRequantizeGradient& r, double* total) {
  const RequantizePart k(r.forward);
  const RequantizeSums none{Vec::zero(), Vec::zero(), Vec::zero()};
  const int64_t w = r.forward.w * 16, stretch = w >= 2048 ? 1 : 2048 / (w > 0 ? w : 1);
  RequantizeSums a = none, b = none;
  for (int64_t y = 0; y < r.forward.h; ++y) {
    const float* const s = r.forward.sums.p + y * r.forward.sums.row * 16;
    const float* const e = kAdds ? r.forward.residual.p + y * r.forward.residual.row * 16 : nullptr;
    const float* const dy = r.dy.p + y * r.dy.row * 16;
    const float* const more = r.more.p != nullptr ? r.more.p + y * r.more.row * 16 : nullptr;
    float* const ds = r.sums.p + y * r.sums.row * 16;
    float* const de = kAdds ? r.residual.p + y * r.residual.row * 16 : nullptr;
    const auto take = [&](int64_t i, RequantizeSums& sums) {
      requantize_gradient_vector<kAdds>(k, s + i, kAdds ? e + i : e, dy + i, more != nullptr ? more + i : more, ds + i,
                                        kAdds ? de + i : de, sums);
    };
    int64_t i = 0;
    for (; i + 2 * Vec::kWidth <= w; i += 2 * Vec::kWidth) take(i, a), take(i + Vec::kWidth, b);
    if (i < w) take(i, a);
    if ((y + 1) % stretch != 0 && y + 1 != r.forward.h) continue;
    add_sums(a, b, total);
    a = b = none;
  }
}

static void line_requantize_gradient(const LineRequantizeGradient& r, double* total) {
  total[0] = total[1] = total[2] = 0;
  r.forward.residual.p != nullptr ? requantize_gradient_plane<true>(r, total)
                                  : requantize_gradient_plane<false>(r, total);
}
