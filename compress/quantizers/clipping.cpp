#include "compress/quantizers/clipping.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "tensor/error.h"

namespace pith::compress {
namespace {

// Banner et al. 2019, as Distiller prints them.
constexpr std::array kLaplace{1.05, 1.86, 2.83, 3.89, 5.03, 6.2, 7.41, 8.64, 9.89};
constexpr std::array kLaplaceHalf{1.86, 2.83, 3.89, 5.02, 6.2, 7.41, 8.64, 9.89, 11.16};
constexpr std::array kGauss{1.24, 1.71, 2.15, 2.55, 2.93, 3.28, 3.61, 3.92};
constexpr std::array kGaussHalf{1.71, 2.15, 2.55, 2.93, 3.28, 3.61, 3.92, 4.2};

constexpr std::array<std::string_view, 8> kNames{"none", "avg", "n_std", "gauss", "laplace", "percentile", "mse", "kl"};

template <size_t N>
double entry(const std::array<double, N>& table, int bits, int first, const char* what) {
  const int i = bits - first;
  if (i < 0 || i >= static_cast<int>(N))
    throw ArgumentError("aciq: no " + std::string(what) + " clipping is known for " + std::to_string(bits) + " bits");
  return table[static_cast<size_t>(i)];
}

void check_histogram(const ValueStatistics& s, ClipMode mode) {
  if (s.histogram.empty())
    throw ArgumentError("clipping: mode " + std::string(name(mode)) + " needs a histogram; the statistics hold none");
}

double bin_width(const ValueStatistics& s) { return (s.highest - s.lowest) / static_cast<double>(s.histogram.size()); }

/// The value below which `share` of the elements lie.
double quantile(const ValueStatistics& s, double share) {
  const double total = static_cast<double>(std::accumulate(s.histogram.begin(), s.histogram.end(), int64_t{0}));
  double below = 0;
  for (size_t i = 0; i < s.histogram.size(); ++i) {
    const double next = below + static_cast<double>(s.histogram[i]);
    if (next >= share * total && s.histogram[i] > 0) {
      const double part = (share * total - below) / static_cast<double>(s.histogram[i]);
      return s.lowest + bin_width(s) * (static_cast<double>(i) + std::clamp(part, 0.0, 1.0));
    }
    below = next;
  }
  return s.highest;
}

RealRange real(double low, double high) { return {static_cast<float>(low), static_cast<float>(high)}; }

/// Squared error of the histogram's centres, quantised in this range.
double squared_error(const ValueStatistics& s, const LinearScale& scale) {
  double error = 0;
  for (size_t i = 0; i < s.histogram.size(); ++i) {
    if (s.histogram[i] == 0) continue;
    const double x = s.lowest + bin_width(s) * (static_cast<double>(i) + 0.5);
    const double d = x - dequantized(quantized(static_cast<float>(x), scale), scale);
    error += d * d * static_cast<double>(s.histogram[i]);
  }
  return error;
}

/// The histogram with no more in the bin of 0 than beside it: 0 is exact on every grid, so the zeros of a ReLU cost
/// nothing, and spreading them over the bins of their level would ask for a level as narrow as a bin.
std::vector<int64_t> without_zeros(const ValueStatistics& s) {
  std::vector<int64_t> counts = s.histogram;
  if (s.lowest > 0 || s.highest <= 0 || counts.size() < 3) return counts;
  const size_t zero = std::min(static_cast<size_t>(-s.lowest / bin_width(s)), counts.size() - 1);
  const int64_t left = zero > 0 ? counts[zero - 1] : 0, right = zero + 1 < counts.size() ? counts[zero + 1] : 0;
  counts[zero] = std::min(counts[zero], std::max(left, right));
  return counts;
}

/// Divergence of the histogram, outliers moved to the edges, from itself at the resolution of the levels.
double divergence(const ValueStatistics& s, const LinearScale& scale) {
  const size_t levels = static_cast<size_t>(scale.highest - scale.lowest + 1);
  std::vector<double> mass(levels, 0), bins(levels, 0), inside(s.histogram.size(), 0);
  std::vector<size_t> level(s.histogram.size());
  size_t first = s.histogram.size(), last = 0;
  const std::vector<int64_t> counts = without_zeros(s);
  const double low = dequantized(scale.lowest, scale), high = dequantized(scale.highest, scale);
  for (size_t i = 0; i < s.histogram.size(); ++i) {
    const double x = s.lowest + bin_width(s) * (static_cast<double>(i) + 0.5);
    if (x >= low - scale.scale / 2 && x <= high + scale.scale / 2) first = std::min(first, i), last = i;
    level[i] = static_cast<size_t>(quantized(static_cast<float>(x), scale) - scale.lowest);
  }
  if (first > last) return std::numeric_limits<double>::infinity();
  double total = 0;
  for (size_t i = 0; i < s.histogram.size(); ++i) {
    const double count = static_cast<double>(counts[i]);
    inside[std::clamp(i, first, last)] += count;
    total += count;
    if (i < first || i > last || count == 0) continue;
    mass[level[i]] += count;
    bins[level[i]] += 1;
  }
  double sum = 0, kept = std::accumulate(mass.begin(), mass.end(), 0.0);
  for (size_t i = first; i <= last; ++i) {
    if (inside[i] == 0) continue;
    const double p = inside[i] / total;
    const double q = bins[level[i]] > 0 ? mass[level[i]] / bins[level[i]] / kept : 1e-12;
    sum += p * std::log(p / std::max(q, 1e-12));
  }
  return sum;
}

/// The share of the whole range, of a hundred and 20 steps, for which `cost` is least.
template <class Cost>
RealRange searched(const ValueStatistics& s, const ClipOptions& o, bool symmetric, const Cost& cost) {
  check_histogram(s, o.mode);
  const double largest = std::max(-s.lowest, s.highest);
  double least = std::numeric_limits<double>::infinity();
  RealRange best = real(s.lowest, s.highest);
  for (int step = 120; step >= 4; --step) {
    const double t = step / 120.0;
    const RealRange r = symmetric ? real(-t * largest, t * largest) : real(t * s.lowest, t * s.highest);
    const double c =
        cost(s, linear_scale(r, o.bits, symmetric ? QuantMode::symmetric : QuantMode::asymmetric_unsigned));
    if (c < least) least = c, best = r;
  }
  return best;
}

}  // namespace

ValueStatistics statistics_of(const std::vector<float>& values, int64_t images, int64_t bins) {
  ValueStatistics s;
  if (values.empty() || images < 1 || std::ssize(values) % images != 0)
    throw ArgumentError("statistics: " + std::to_string(values.size()) + " values are not " + std::to_string(images) +
                        " equal images");
  for (const float v : values)
    if (!std::isfinite(v)) throw NumericError("statistics: a value is not finite");
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  s.lowest = *low, s.highest = *high;
  const int64_t each = std::ssize(values) / images;
  for (auto image = values.begin(); image != values.end(); image += each) {
    const auto [a, b] = std::minmax_element(image, image + each);
    s.average_lowest += *a / static_cast<double>(images), s.average_highest += *b / static_cast<double>(images);
  }
  const double count = static_cast<double>(values.size());
  s.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  s.histogram.assign(static_cast<size_t>(bins), 0);
  const double width = bin_width(s);
  for (const float v : values) {
    squares += (v - s.mean) * (v - s.mean);
    s.spread += std::abs(v - s.mean) / count;
    const double place = width > 0 ? (v - s.lowest) / width : 0;
    ++s.histogram[static_cast<size_t>(std::clamp<double>(place, 0, static_cast<double>(bins - 1)))];
  }
  s.deviation = std::sqrt(squares / std::max(1.0, count - 1));
  return s;
}

ClipMode clip_mode(std::string_view wanted) {
  std::string all;
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (wanted == kNames[i]) return static_cast<ClipMode>(i);
    all += (i == 0 ? "" : ", ") + std::string(kNames[i]);
  }
  throw ArgumentError("there is no clipping \"" + std::string(wanted) + "\"; it is one of " + all);
}

std::string_view name(ClipMode mode) { return kNames[static_cast<size_t>(mode)]; }

double aciq_gauss(int bits, bool half_range) {
  return half_range ? entry(kGaussHalf, bits, 1, "Gauss") : entry(kGauss, bits, 1, "Gauss");
}
double aciq_laplace(int bits, bool half_range) {
  return half_range ? entry(kLaplaceHalf, bits, 0, "Laplace") : entry(kLaplace, bits, 0, "Laplace");
}

namespace {

double aciq_alpha(const ValueStatistics& s, const ClipOptions& o) {
  return o.mode == ClipMode::gauss ? aciq_gauss(o.bits, o.is_half_range) * s.deviation
                                   : aciq_laplace(o.bits, o.is_half_range) * s.spread;
}

}  // namespace

RealRange clipped_range(const ValueStatistics& s, const ClipOptions& o) {
  switch (o.mode) {
    case ClipMode::none:
      return real(s.lowest, s.highest);
    case ClipMode::average:
      return real(s.average_lowest, s.average_highest);
    case ClipMode::deviations:
      return real(std::max(s.lowest, s.mean - o.deviations * s.deviation),
                  std::min(s.highest, s.mean + o.deviations * s.deviation));
    case ClipMode::gauss:
    case ClipMode::laplace: {
      const double alpha = aciq_alpha(s, o), low = std::max(s.average_lowest, s.mean - alpha);
      return real(low, low + (o.is_half_range ? alpha : 2 * alpha));
    }
    case ClipMode::percentile:
      check_histogram(s, o.mode);
      return real(std::min(0.0, quantile(s, 1 - o.percentile)), std::max(0.0, quantile(s, o.percentile)));
    case ClipMode::mse:
      return searched(s, o, false, squared_error);
    case ClipMode::kl:
      return searched(s, o, false, divergence);
  }
  return {};
}

RealRange clipped_range_symmetric(const ValueStatistics& s, const ClipOptions& o) {
  if (o.mode == ClipMode::mse) return searched(s, o, true, squared_error);
  if (o.mode == ClipMode::kl) return searched(s, o, true, divergence);
  double largest = 0;
  if (o.mode == ClipMode::gauss || o.mode == ClipMode::laplace) {
    largest = std::abs(s.mean) + aciq_alpha(s, o);
  } else {
    const RealRange r = clipped_range(s, o);
    largest = std::max(std::abs(r.lowest), std::abs(r.highest));
  }
  return real(-largest, largest);
}

}  // namespace pith::compress
