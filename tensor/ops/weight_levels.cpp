#include "tensor/ops/weight_levels.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "tensor/error.h"
#include "tensor/ops/floating.h"
#include "tensor/ops/nearest.h"
#include "tensor/ops/several_signs.h"

namespace pith::ops {
namespace {

constexpr double kTernaryShare = 0.7;  ///< of the mean |w| (Li et al. 2016, equation 6)

void check_rows(const char* op, const Tensor& w) {
  if (w.shape().rank() < 1) throw ShapeError(std::string(op) + ": wants [k, ...], here is " + text(w));
}

void check_levels(const Tensor& w, const Tensor& step) {
  check_floating("weight_levels", w, step);
  check_rows("weight_levels", w);
  check_shape("weight_levels", "step", step, {w.shape()[0]});
}

template <class T>
double mean_size(std::span<const T> row) {
  double sum = 0;
  for (const T v : row) sum += std::abs(static_cast<double>(v));
  return row.empty() ? 0 : sum / static_cast<double>(row.size());
}

/// f(row, k) for every row of a contiguous w.
template <class T, class F>
void for_each_row(const Tensor& w, const F& f) {
  const int64_t rows = w.shape()[0], each = rows == 0 ? 0 : w.numel() / rows;
  for (int64_t k = 0; k < rows; ++k) f(std::span(w.data<T>() + k * each, static_cast<size_t>(each)), k);
}

/// [k], of a number each row has.
template <class F>
Tensor number_of_rows(const char* op, const Tensor& given, const F& number) {
  check_floating(op, given);
  check_rows(op, given);
  const Tensor w = given.contiguous();
  std::vector<double> numbers;
  dispatch_floating(w, [&]<class T>() {
    for_each_row<T>(w, [&](std::span<const T> row, int64_t) { numbers.push_back(number(row)); });
  });
  return Tensor::from(numbers, Shape{w.shape()[0]}).to(w.dtype());
}

template <class T>
T nearest_level(T v, const WeightLevels& l) {
  const T x = std::clamp(v, static_cast<T>(l.lowest), static_cast<T>(l.highest));
  return l.rounds ? nearest(x) : x;
}

/// Between two neighbours the middle decides: 2^e for 3/4 2^e <= |v| < 3/2 2^e, and 1 from 1/2 on.
template <class T>
T nearest_power(T v, const WeightLevels& l) {
  const T size = std::abs(v);
  if (size < T{0.5}) return 0;
  const T power = std::exp2(std::floor(std::log2(size * T{4} / T{3})));
  return std::copysign(std::clamp(power, T{1}, static_cast<T>(l.highest)), v);
}

template <class T>
void row_of_signs(std::span<const T> w, const WeightLevels& l, T* q) {
  const SeveralSigns s = several_signs(w, l.signs, static_cast<int64_t>(l.highest));
  for (const T v : w) *q++ = static_cast<T>(s.level(static_cast<double>(v)));
}

template <class T>
void row_levels(std::span<const T> w, T step, const WeightLevels& l, T* q) {
  if (l.rule == LevelRule::several_signs) return row_of_signs(w, l, q);
  const double threshold = l.rule == LevelRule::ternary ? kTernaryShare * mean_size(w) : 0;
  for (const T v : w) {
    switch (l.rule) {
      case LevelRule::nearest:
        *q++ = nearest_level(v / step, l);
        break;
      case LevelRule::tanh:
        *q++ = nearest_level(std::tanh(v) / step, l);
        break;
      case LevelRule::ternary:
        *q++ = static_cast<double>(std::abs(v)) <= threshold ? T{0} : v > 0 ? T{1} : T{-1};
        break;
      case LevelRule::power_of_two:
        *q++ = nearest_power(v / step, l);
        break;
      case LevelRule::several_signs:
        break;
      case LevelRule::sign_within_step:
      case LevelRule::sign:
        *q++ = v >= 0 ? T{1} : T{-1};
        break;
    }
  }
}

/// What passes of dq, times 1 / step: rounding counts as the identity.
template <class T>
T passing(T w, T step, const WeightLevels& l) {
  const T x = w / step;
  switch (l.rule) {
    case LevelRule::nearest:
      return x >= static_cast<T>(l.lowest) && x <= static_cast<T>(l.highest) ? T{1} : T{0};
    case LevelRule::sign_within_step:
      return std::abs(x) <= 1 ? T{1} : T{0};
    case LevelRule::tanh:
      return 1 - std::tanh(w) * std::tanh(w);
    case LevelRule::ternary:
    case LevelRule::power_of_two:
    case LevelRule::several_signs:
    case LevelRule::sign:
      break;
  }
  return 1;
}

}  // namespace

Tensor weight_levels(const Tensor& w, const Tensor& step, const WeightLevels& l) {
  check_levels(w, step);
  const Tensor in = w.contiguous(), steps = step.contiguous();
  Tensor q = Tensor::empty(in.shape(), in.dtype());
  dispatch_floating(in, [&]<class T>() {
    T* to = q.mutable_data<T>();
    for_each_row<T>(in, [&](std::span<const T> row, int64_t k) {
      row_levels(row, steps.data<T>()[k], l, to);
      to += row.size();
    });
  });
  return q;
}

WeightLevelGradients weight_levels_gradient(const Tensor& w, const Tensor& step, const WeightLevels& l,
                                            const Tensor& dq) {
  check_levels(w, step);
  const Tensor in = w.contiguous(), up = to_plain(dq).contiguous(), steps = step.contiguous();
  WeightLevelGradients d{Tensor::empty(in.shape(), in.dtype()), {}};
  std::vector<double> by_step(static_cast<size_t>(in.shape()[0]));
  dispatch_floating(in, [&]<class T>() {
    const T* from = up.data<T>();
    T* to = d.w.mutable_data<T>();
    for_each_row<T>(in, [&](std::span<const T> row, int64_t k) {
      const T s = steps.data<T>()[k];
      for (const T v : row) {
        const T g = *from++ * passing(v, s, l);
        *to++ = g / s;
        if (l.rule == LevelRule::nearest) by_step[static_cast<size_t>(k)] -= static_cast<double>(g * (v / s) / s);
      }
    });
  });
  d.step = Tensor::from(by_step, Shape{in.shape()[0]}).to(in.dtype());
  return d;
}

Tensor mean_steps(const Tensor& w) {
  return number_of_rows("mean_steps", w, []<class T>(std::span<const T> row) { return mean_size(row); });
}

Tensor ternary_steps(const Tensor& w) {
  return number_of_rows("ternary_steps", w, []<class T>(std::span<const T> row) {
    const double threshold = kTernaryShare * mean_size(row);
    double sum = 0, kept = 0;
    for (const T v : row)
      if (std::abs(static_cast<double>(v)) > threshold) sum += std::abs(static_cast<double>(v)), ++kept;
    return kept > 0 ? sum / kept : 0;
  });
}

Tensor tanh_steps(const Tensor& w, double highest) {
  return number_of_rows("tanh_steps", w, [highest]<class T>(std::span<const T> row) {
    T largest = 0;
    for (const T v : row) largest = std::max(largest, std::abs(std::tanh(v)));
    return static_cast<double>(largest) / highest;
  });
}

Tensor power_steps(const Tensor& w, double highest) {
  return number_of_rows("power_steps", w, [highest]<class T>(std::span<const T> row) {
    T largest = 0;
    for (const T v : row) largest = std::max(largest, std::abs(v));
    if (largest == 0) return 0.0;
    return std::exp2(std::floor(std::log2(4 * static_cast<double>(largest) / 3))) / highest;
  });
}

}  // namespace pith::ops
