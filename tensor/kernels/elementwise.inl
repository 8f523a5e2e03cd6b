// Functions of one and two numbers over stretches of floats. Memory-bound but for exp, sigmoid and tanh. In maxima the
// constant stands first, so that a NaN in x is the result.

template <class F>
static inline void each(const float* x, float* y, int64_t count, const F& f) {
  int64_t i = 0;
  for (; i + Vec::kWidth <= count; i += Vec::kWidth) f(Vec::load(x + i)).store(y + i);
  const int rest = static_cast<int>(count - i);
  if (rest > 0) f(Vec::load(x + i, rest)).store(y + i, rest);
}

template <class F>
static inline void each_pair(const float* a, const float* b, float* y, int64_t count, const F& f) {
  int64_t i = 0;
  for (; i + Vec::kWidth <= count; i += Vec::kWidth) f(Vec::load(a + i), Vec::load(b + i)).store(y + i);
  const int rest = static_cast<int>(count - i);
  if (rest > 0) f(Vec::load(a + i, rest), Vec::load(b + i, rest)).store(y + i, rest);
}

template <class F>
static inline void combine_with(const float* a, int64_t a_step, const float* b, int64_t b_step, float* y, int64_t count,
                                const F& f) {
  if (a_step != 0 && b_step != 0) return each_pair(a, b, y, count, f);
  const Vec fixed_a = Vec::set(count > 0 ? *a : 0.0f), fixed_b = Vec::set(count > 0 ? *b : 0.0f);
  if (a_step != 0) return each(a, y, count, [&](Vec v) { return f(v, fixed_b); });
  if (b_step != 0) return each(b, y, count, [&](Vec v) { return f(fixed_a, v); });
  each(y, y, count, [&](Vec) { return f(fixed_a, fixed_b); });
}

static void combine(BinaryKind kind, const float* a, int64_t a_step, const float* b, int64_t b_step, float* y,
                    int64_t count) {
  switch (kind) {
    case BinaryKind::add:
      return combine_with(a, a_step, b, b_step, y, count, [](Vec u, Vec v) { return u + v; });
    case BinaryKind::sub:
      return combine_with(a, a_step, b, b_step, y, count, [](Vec u, Vec v) { return u - v; });
    case BinaryKind::mul:
      return combine_with(a, a_step, b, b_step, y, count, [](Vec u, Vec v) { return u * v; });
    case BinaryKind::div:
      return combine_with(a, a_step, b, b_step, y, count, [](Vec u, Vec v) { return u / v; });
  }
}

static void map(MapKind kind, float p, float q, const float* x, float* y, int64_t count) {
  const Vec zero = Vec::zero(), vp = Vec::set(p), vq = Vec::set(q);
  switch (kind) {
    case MapKind::relu:
      return each(x, y, count, [=](Vec v) { return max(zero, v); });
    case MapKind::clip:
      return each(x, y, count, [=](Vec v) { return min(vp, max(zero, v)); });
    case MapKind::leaky:
      return each(x, y, count, [=](Vec v) { return select_positive(v, v, vp * v); });
    case MapKind::sigmoid:
      return each(x, y, count, [](Vec v) { return sigmoid_of(v); });
    case MapKind::tanh:
      return each(x, y, count, [](Vec v) { return tanh_of(v); });
    case MapKind::affine:
      return each(x, y, count, [=](Vec v) { return v * vp + vq; });
    case MapKind::abs:
      return each(x, y, count, [=](Vec v) { return max(v, zero - v); });
    case MapKind::exp:
      return each(x, y, count, [](Vec v) { return exp_of(v); });
    case MapKind::log:
    case MapKind::power:
      return;
  }
}

static void map_gradient(MapKind kind, float p, const float* v, const float* dy, float* dx, int64_t count) {
  const Vec zero = Vec::zero(), one = Vec::set(1.0f), vp = Vec::set(p);
  switch (kind) {
    case MapKind::relu:
      return each_pair(v, dy, dx, count, [](Vec y, Vec g) { return where_positive(y, g); });
    case MapKind::clip:
      return each_pair(v, dy, dx, count, [=](Vec y, Vec g) { return where_positive(y, where_positive(vp - y, g)); });
    case MapKind::leaky:
      return each_pair(v, dy, dx, count, [=](Vec x, Vec g) { return select_positive(x, g, vp * g); });
    case MapKind::sigmoid:
      return each_pair(v, dy, dx, count, [=](Vec y, Vec g) { return g * (y * (one - y)); });
    case MapKind::tanh:
      return each_pair(v, dy, dx, count, [=](Vec y, Vec g) { return g * (one - y * y); });
    case MapKind::affine:
      return each(dy, dx, count, [=](Vec g) { return g * vp; });
    case MapKind::abs:
      return each_pair(v, dy, dx, count,
                       [=](Vec x, Vec g) { return select_positive(x, g, where_positive(zero - x, zero - g)); });
    case MapKind::exp:
      return each_pair(v, dy, dx, count, [](Vec y, Vec g) { return g * y; });
    case MapKind::log:
    case MapKind::power:
      return;
  }
}
