#include "compress/quantizers/levels.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace pith::compress {
namespace {

void check_bits(int bits) {
  if (bits < 1 || bits > 8) throw ArgumentError("quantizer: " + std::to_string(bits) + " bits are not among 1 to 8");
}

/// x in [0, 1] on 2^bits - 1 steps.
float on_steps(float x, int bits) {
  const float steps = static_cast<float>((1 << bits) - 1);
  return std::nearbyint(x * steps) / steps;
}

double mean_magnitude(const std::vector<float>& w) {
  double sum = 0;
  for (const float v : w) sum += std::abs(v);
  return w.empty() ? 0 : sum / static_cast<double>(w.size());
}

}  // namespace

std::vector<float> dorefa_weights(const std::vector<float>& w, int bits, bool keeps_zero) {
  check_bits(bits);
  std::vector<float> y(w.size());
  float largest = 0;
  for (const float v : w) largest = std::max(largest, std::abs(std::tanh(v)));
  const float mean = static_cast<float>(mean_magnitude(w));
  for (size_t i = 0; i < w.size(); ++i) {
    if (keeps_zero && w[i] == 0) continue;
    if (bits == 1)
      y[i] = w[i] >= 0 ? mean : -mean;
    else
      y[i] = largest == 0 ? 0 : 2 * on_steps(std::tanh(w[i]) / (2 * largest) + 0.5f, bits) - 1;
  }
  return y;
}

std::vector<float> dorefa_activations(const std::vector<float>& x, int bits) {
  check_bits(bits);
  std::vector<float> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = on_steps(std::clamp(x[i], 0.0f, 1.0f), bits);
  return y;
}

std::vector<float> wrpn_weights(const std::vector<float>& w, int bits) {
  check_bits(bits);
  if (bits == 1) throw ArgumentError("wrpn: one bit leaves no step beside 0; take dorefa");
  const float steps = static_cast<float>((1 << (bits - 1)) - 1);
  std::vector<float> y(w.size());
  for (size_t i = 0; i < w.size(); ++i) y[i] = std::nearbyint(std::clamp(w[i], -1.0f, 1.0f) * steps) / steps;
  return y;
}

Pact pact_levels(const std::vector<float>& x, float alpha, int bits) {
  check_bits(bits);
  if (!std::isfinite(alpha) || alpha <= 0)
    throw ArgumentError("pact: alpha " + std::to_string(alpha) + " is not finite and above 0");
  Pact p;
  for (const float v : x) {
    p.y.push_back(on_steps(std::clamp(v, 0.0f, alpha) / alpha, bits) * alpha);
    p.x_gradient.push_back(v > 0 && v < alpha ? 1.0f : 0.0f);
    p.alpha_gradient += v >= alpha;
  }
  return p;
}

std::vector<float> ternary_weights(const std::vector<float>& w) {
  const double threshold = 0.7 * mean_magnitude(w);
  double sum = 0, kept = 0;
  for (const float v : w)
    if (std::abs(v) > threshold) sum += std::abs(v), kept += 1;
  const float scale = kept > 0 ? static_cast<float>(sum / kept) : 0;
  std::vector<float> y(w.size(), 0.0f);
  for (size_t i = 0; i < w.size(); ++i)
    if (std::abs(w[i]) > threshold) y[i] = w[i] > 0 ? scale : -scale;
  return y;
}

double ScaleApproximation::value() const { return std::ldexp(static_cast<double>(multiplier), -shift); }

ScaleApproximation approximate_scale(double value, int bits) {
  if (!std::isfinite(value) || value <= 0)
    throw ArgumentError("scale approximation: " + std::to_string(value) + " is not finite and above 0");
  if (bits < 1 || bits > 31)
    throw ArgumentError("scale approximation: " + std::to_string(bits) + " bits of multiplier are not among 1 to 31");
  ScaleApproximation a;
  a.shift = static_cast<int>(std::floor(std::log2((std::ldexp(1.0, bits) - 1) / value)));
  a.multiplier = static_cast<int64_t>(std::floor(std::ldexp(value, a.shift)));
  return a;
}

}  // namespace pith::compress
