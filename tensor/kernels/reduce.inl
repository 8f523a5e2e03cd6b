// Reductions of one stretch of floats: four independent vector sums for at most 1024 floats, then double.

static constexpr int64_t kSumStretch = 1024;

/// Sum of f(x) over count <= kSumStretch floats; f(rest) is not asked of lanes behind the end.
template <class F>
static inline double sum_stretch(const float* x, int64_t count, const F& f) {
  Vec s[4] = {Vec::zero(), Vec::zero(), Vec::zero(), Vec::zero()};
  int64_t i = 0;
  for (; i + 4 * Vec::kWidth <= count; i += 4 * Vec::kWidth)
    for (int u = 0; u < 4; ++u) s[u] = s[u] + f(Vec::load(x + i + u * Vec::kWidth));
  for (; i + Vec::kWidth <= count; i += Vec::kWidth) s[0] = s[0] + f(Vec::load(x + i));
  double total = static_cast<double>(sum((s[0] + s[1]) + (s[2] + s[3])));
  const int rest = static_cast<int>(count - i);
  if (rest > 0) {
    float last[Vec::kWidth];
    f(Vec::load(x + i, rest)).store(last);
    for (int l = 0; l < rest; ++l) total += static_cast<double>(last[l]);
  }
  return total;
}

template <class F>
static inline double sum_with(const float* x, int64_t count, const F& f) {
  double total = 0;
  for (int64_t i = 0; i < count; i += kSumStretch)
    total += sum_stretch(x + i, count - i < kSumStretch ? count - i : kSumStretch, f);
  return total;
}

static double sum_of(const float* x, int64_t count) {
  return sum_with(x, count, [](Vec v) { return v; });
}

static double sum_exp(const float* x, float shift, int64_t count) {
  const Vec s = Vec::set(shift);
  return sum_with(x, count, [=](Vec v) { return exp_of(v - s); });
}

static float largest_of(const float* x, int64_t count) {
  Vec best = Vec::set(x[0]);
  int64_t i = 0;
  for (; i + Vec::kWidth <= count; i += Vec::kWidth) best = largest(best, Vec::load(x + i));
  float lanes[Vec::kWidth];
  best.store(lanes);
  float found = lanes[0];
  for (int l = 1; l < Vec::kWidth; ++l) found = found > lanes[l] || found != found ? found : lanes[l];
  for (; i < count; ++i) found = found > x[i] || found != found ? found : x[i];
  return found;
}

static void exp_shifted(const float* x, float shift, float scale, float* y, int64_t count) {
  const Vec s = Vec::set(shift), f = Vec::set(scale);
  each(x, y, count, [=](Vec v) { return f * exp_of(v - s); });
}
