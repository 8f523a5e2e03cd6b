#include "compress/quantizers/rounding.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "tensor/error.h"
#include "tensor/formats/quant_range.h"

namespace pith::compress {
namespace {

constexpr double kDamping = 0.01;  ///< of the mean diagonal

int32_t clamped(double q, const RoundingProblem& p) {
  return static_cast<int32_t>(std::clamp(q, static_cast<double>(p.lowest), static_cast<double>(p.highest)));
}

double mean_diagonal(const RoundingProblem& p) {
  const size_t d = p.weights.size();
  double sum = 0;
  for (size_t i = 0; i < d; ++i) sum += p.gram[i * d + i];
  return d == 0 ? 0 : sum / static_cast<double>(d);
}

/// The problem in units of (scale of w) (scale of x): half the gradient G q - c + damping (q - w), kept up to date.
class Descent {
 public:
  Descent(const RoundingProblem& p, float scale) : p_(p), damping_(kDamping * mean_diagonal(p)), d_(p.weights.size()) {
    q_ = round_to_nearest(p, scale).values;
    slope_.resize(d_);
    for (size_t i = 0; i < d_; ++i) {
      slope_[i] = damping_ * (q_[i] - p.weights[i] / static_cast<double>(scale)) -
                  p.cross[i] / (static_cast<double>(scale) * p.input_scale);
      for (size_t j = 0; j < d_; ++j) slope_[i] += p.gram[i * d_ + j] * q_[j];
    }
  }

  std::vector<int32_t> run() {
    for (size_t step = 0; step < 50 * d_ && take_best(); ++step) {
    }
    return q_;
  }

 private:
  bool take_best() {
    size_t at = d_;
    int32_t way = 0;
    double least = -1e-9 * damping_ / kDamping;  // a gain that is more than rounding
    for (size_t i = 0; i < d_; ++i) {
      if (p_.weights[i] == 0) continue;
      const int32_t up = slope_[i] < 0 ? 1 : -1;
      if (q_[i] + up < p_.lowest || q_[i] + up > p_.highest) continue;
      const double change = 2 * up * slope_[i] + p_.gram[i * d_ + i] + damping_;
      if (change < least) least = change, at = i, way = up;
    }
    if (at == d_) return false;
    q_[at] += way;
    for (size_t j = 0; j < d_; ++j) slope_[j] += way * p_.gram[at * d_ + j];
    slope_[at] += way * damping_;
    return true;
  }

  const RoundingProblem& p_;
  double damping_;
  size_t d_;
  std::vector<int32_t> q_;
  std::vector<double> slope_;
};

/// The relaxed problem: v, Adam's two averages, and the way from v to integers.
class AdaRound {
 public:
  AdaRound(const RoundingProblem& p, float scale)
      : p_(p), scale_(scale), d_(p.weights.size()), floor_(d_), v_(d_), first_(d_), second_(d_), soft_(d_) {
    for (size_t i = 0; i < d_; ++i) {
      const double w = p.weights[i] / static_cast<double>(scale), rest = w - std::floor(w);
      floor_[i] = std::floor(w);
      v_[i] = -std::log(kSpan / (rest + kMargin) - 1);  // h(v) = rest: begins at the real weights
    }
  }

  RoundedWeights run(int steps) {
    for (int step = 1; step <= steps; ++step) update(step, steps);
    RoundedWeights out{static_cast<float>(scale_), std::vector<int32_t>(d_)};
    for (size_t i = 0; i < d_; ++i)
      if (p_.weights[i] != 0) out.values[i] = clamped(floor_[i] + (opening(i) >= 0.5 ? 1 : 0), p_);
    return out;
  }

 private:
  static constexpr double kMargin = 0.1, kSpan = 1 + 2 * kMargin, kRegularizer = 0.01, kRate = 0.01, kWarm = 0.2;

  static double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }
  double opening(size_t i) const { return std::clamp(kSpan * sigmoid(v_[i]) - kMargin, 0.0, 1.0); }

  void update(int step, int steps) {
    const double t = std::max(0.0, (static_cast<double>(step) / steps - kWarm) / (1 - kWarm));
    const double beta = 2 + 18 * 0.5 * (1 + std::cos(t * std::numbers::pi));
    const bool regular = t > 0;
    for (size_t i = 0; i < d_; ++i)
      soft_[i] = p_.weights[i] == 0 ? 0
                                    : std::clamp(floor_[i] + opening(i), static_cast<double>(p_.lowest),
                                                 static_cast<double>(p_.highest));
    const double unit = scale_ * p_.input_scale;
    for (size_t i = 0; i < d_; ++i) {
      const double open = opening(i), within = floor_[i] + open;
      const bool moves = p_.weights[i] != 0 && open > 0 && open < 1 && within > p_.lowest && within < p_.highest;
      if (!moves) continue;
      double slope = -p_.cross[i] / unit;
      for (size_t j = 0; j < d_; ++j) slope += p_.gram[i * d_ + j] * soft_[j];
      double gradient = 2 * unit * unit * slope;
      const double x = 2 * open - 1;
      if (regular) gradient -= kRegularizer * 2 * beta * std::pow(std::abs(x), beta - 1) * (x < 0 ? -1 : 1);
      const double s = sigmoid(v_[i]);
      adam(i, gradient * kSpan * s * (1 - s), step);
    }
  }

  void adam(size_t i, double gradient, int step) {
    first_[i] = 0.9 * first_[i] + 0.1 * gradient;
    second_[i] = 0.999 * second_[i] + 0.001 * gradient * gradient;
    const double m = first_[i] / (1 - std::pow(0.9, step)), v = second_[i] / (1 - std::pow(0.999, step));
    v_[i] -= kRate * m / (std::sqrt(v) + 1e-8);
  }

  const RoundingProblem& p_;
  double scale_;
  size_t d_;
  std::vector<double> floor_, v_, first_, second_, soft_;
};

}  // namespace

Rounding rounding(std::string_view name) {
  if (name == "nearest") return Rounding::nearest;
  if (name == "descent") return Rounding::descent;
  if (name == "adaround") return Rounding::adaround;
  throw ArgumentError("there is no rounding \"" + std::string(name) + "\"; it is one of nearest, descent, adaround");
}

double reconstruction_error(const RoundingProblem& p, const RoundedWeights& w) {
  const size_t d = p.weights.size();
  const double unit = static_cast<double>(w.scale) * p.input_scale;
  double error = 0;
  for (size_t i = 0; i < d; ++i) {
    if (w.values[i] == 0) continue;
    double row = 0;
    for (size_t j = 0; j < d; ++j) row += p.gram[i * d + j] * w.values[j];
    error += unit * w.values[i] * (unit * row - 2 * p.cross[i]);
  }
  return error;
}

RoundedWeights round_to_nearest(const RoundingProblem& p, float scale) {
  RoundedWeights out{scale, std::vector<int32_t>(p.weights.size())};
  const LinearScale s{scale, 0, p.lowest, p.highest};
  for (size_t i = 0; i < p.weights.size(); ++i) out.values[i] = quantized(p.weights[i], s);
  return out;
}

RoundedWeights round_by_descent(const RoundingProblem& p, float scale) { return {scale, Descent(p, scale).run()}; }

RoundedWeights round_by_descent_and_scale(const RoundingProblem& p, float scale, float least) {
  RoundedWeights best = round_by_descent(p, scale);
  double error = reconstruction_error(p, best);
  for (int share = 95; share >= 50; share -= 5) {
    const float tried = scale * static_cast<float>(share) / 100;
    if (tried < least) break;
    RoundedWeights w = round_by_descent(p, tried);
    if (const double e = reconstruction_error(p, w); e < error) error = e, best = std::move(w);
  }
  return best;
}

RoundedWeights round_by_adaround(const RoundingProblem& p, float scale, int steps) {
  return AdaRound(p, scale).run(steps);
}

}  // namespace pith::compress
