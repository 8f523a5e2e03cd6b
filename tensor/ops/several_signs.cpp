#include "tensor/ops/several_signs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tensor/error.h"
#include "tensor/ops/floating.h"

namespace pith::ops {
namespace {

/// Weights between two neighbouring thresholds: they all become one number.
struct Segment {
  double sum = 0, count = 0;
};

std::vector<double> thresholds_of(const std::vector<double>& kept, int64_t count) {
  const double size = std::max(1.0, static_cast<double>(kept.size()));
  double sum = 0, squares = 0;
  for (const double w : kept) sum += w;
  const double mean = sum / size;
  for (const double w : kept) squares += (w - mean) * (w - mean);
  const double deviation = std::sqrt(squares / size);
  std::vector<double> thresholds;
  for (int64_t m = 0; m < count; ++m)
    thresholds.push_back(mean + (2 * static_cast<double>(m) / static_cast<double>(count - 1) - 1) * deviation);
  return thresholds;
}

/// How many thresholds w reaches.
size_t segment_of(const std::vector<double>& thresholds, double w) {
  return static_cast<size_t>(std::upper_bound(thresholds.begin(), thresholds.end(), w) - thresholds.begin());
}

/// Least squares in closed form. The signs give segment j the level (alphas below j) - (alphas from j on): the first
/// and the last level are opposite numbers, all between are free, so those are the means of their weights.
std::vector<double> levels_of(const std::vector<Segment>& segments, const std::vector<double>& thresholds) {
  const Segment &first = segments.front(), &last = segments.back();
  const double ends = first.count + last.count;
  const double end = ends > 0 ? (last.sum - first.sum) / ends : (thresholds.back() - thresholds.front()) / 2;
  std::vector<double> levels{-end};
  for (size_t j = 1; j + 1 < segments.size(); ++j)
    levels.push_back(segments[j].count > 0 ? segments[j].sum / segments[j].count
                                           : (thresholds[j - 1] + thresholds[j]) / 2);
  levels.push_back(end);
  return levels;
}

/// Shares of `highest` by size, rounded down; what is left goes to the largest remainders, of equal ones to the first.
std::vector<int64_t> apportioned(const std::vector<double>& alphas, int64_t highest) {
  double all = 0;
  for (const double a : alphas) all += std::abs(a);
  std::vector<double> rest;
  std::vector<int64_t> shares;
  for (const double a : alphas) {
    const double exact = all > 0 ? std::abs(a) / all * static_cast<double>(highest) : 0;
    shares.push_back(static_cast<int64_t>(exact));
    rest.push_back(exact - std::floor(exact));
  }
  std::vector<size_t> order(alphas.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return rest[a] > rest[b]; });
  int64_t left = highest - std::accumulate(shares.begin(), shares.end(), int64_t{0});
  for (size_t i = 0; left > 0; i = (i + 1) % order.size(), --left) ++shares[order[i]];
  for (size_t m = 0; m < shares.size(); ++m)
    if (alphas[m] < 0) shares[m] = -shares[m];
  return shares;
}

/// Sum of w level / sum of level^2.
template <class T>
double step_of(std::span<const T> row, int64_t count, int64_t highest) {
  const SeveralSigns s = several_signs(row, count, highest);
  double product = 0, squares = 0;
  for (const T w : row) {
    const double level = static_cast<double>(s.level(static_cast<double>(w)));
    product += static_cast<double>(w) * level;
    squares += level * level;
  }
  return squares > 0 ? std::max(0.0, product / squares) : 0;
}

}  // namespace

int64_t SeveralSigns::level(double w) const {
  if (w == 0) return 0;
  int64_t sum = 0;
  for (size_t m = 0; m < thresholds.size(); ++m) sum += w >= thresholds[m] ? factors[m] : -factors[m];
  return sum;
}

template <class T>
SeveralSigns several_signs(std::span<const T> row, int64_t count, int64_t highest) {
  if (count < 2 || highest < 1)
    throw ArgumentError("several_signs: wants 2 signs or more that reach 1 at least, here are " +
                        std::to_string(count) + " that reach " + std::to_string(highest));
  std::vector<double> kept;
  for (const T w : row)
    if (w != 0) kept.push_back(static_cast<double>(w));
  SeveralSigns s{thresholds_of(kept, count), {}, {}};
  std::vector<Segment> segments(static_cast<size_t>(count) + 1);
  for (const double w : kept) {
    Segment& segment = segments[segment_of(s.thresholds, w)];
    segment.sum += w, ++segment.count;
  }
  const std::vector<double> levels = levels_of(segments, s.thresholds);
  for (size_t m = 0; m + 1 < levels.size(); ++m) s.alphas.push_back((levels[m + 1] - levels[m]) / 2);
  s.factors = apportioned(s.alphas, highest);
  return s;
}

template SeveralSigns several_signs<float>(std::span<const float>, int64_t, int64_t);
template SeveralSigns several_signs<double>(std::span<const double>, int64_t, int64_t);

Tensor several_sign_steps(const Tensor& given, int64_t count, int64_t highest) {
  check_floating("several_sign_steps", given);
  if (given.shape().rank() < 1) throw ShapeError("several_sign_steps: wants [k, ...], here is " + text(given));
  const Tensor w = given.contiguous();
  const int64_t rows = w.shape()[0], each = rows == 0 ? 0 : w.numel() / rows;
  std::vector<double> steps;
  dispatch_floating(w, [&]<class T>() {
    for (int64_t k = 0; k < rows; ++k)
      steps.push_back(step_of(std::span(w.data<T>() + k * each, static_cast<size_t>(each)), count, highest));
  });
  return Tensor::from(steps, Shape{rows}).to(w.dtype());
}

}  // namespace pith::ops
