#include "tensor/formats/quant_range.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <string>

#include "tensor/error.h"

namespace pith {
namespace {

void check(const RealRange& r, int bits) {
  if (bits != 16 && (bits < 1 || bits > 8))
    throw ArgumentError("quantisation: " + std::to_string(bits) + " bits are not among 1 to 8 and 16");
  if (!std::isfinite(r.lowest) || !std::isfinite(r.highest))
    throw NumericError("quantisation: the range [" + std::to_string(r.lowest) + ", " + std::to_string(r.highest) +
                       "] is not finite");
  if (r.lowest > r.highest)
    throw ArgumentError("quantisation: the range [" + std::to_string(r.lowest) + ", " + std::to_string(r.highest) +
                        "] is empty");
}

float usable(double scale) {
  if (scale == 0) return 1;
  return std::clamp(static_cast<float>(scale), FLT_MIN, FLT_MAX);
}

LinearScale symmetric(double largest, int bits, bool restricted) {
  if (bits == 1) return {usable(largest), 0, -1, 1};
  const int32_t half = 1 << (bits - 1);
  if (restricted) return {usable(largest / (half - 1)), 0, -(half - 1), half - 1};
  return {usable(largest / (half - 0.5)), 0, -half, half - 1};
}

}  // namespace

LinearScale linear_scale(const RealRange& range, int bits, QuantMode mode) {
  check(range, bits);
  const double low = std::min(range.lowest, 0.0f), high = std::max(range.highest, 0.0f);
  if (mode == QuantMode::symmetric || mode == QuantMode::symmetric_restricted)
    return symmetric(std::max(-low, high), bits, mode == QuantMode::symmetric_restricted);
  if (bits == 1 && mode == QuantMode::asymmetric_signed)
    throw ArgumentError("quantisation: one signed bit stands for -1 and +1; it has no zero point");
  const int32_t steps = (1 << bits) - 1, shift = mode == QuantMode::asymmetric_signed ? 1 << (bits - 1) : 0;
  const float scale = usable((high - low) / steps);
  const double zero = high == low ? 0 : std::nearbyint(-low * steps / (high - low));  // before the scale is rounded
  return {scale, static_cast<int32_t>(zero) - shift, -shift, steps - shift};
}

QuantParams quant_params(std::span<const RealRange> ranges, int bits, QuantMode mode) {
  const bool symmetric = mode == QuantMode::symmetric || mode == QuantMode::symmetric_restricted;
  QuantParams q{.bits = bits, .is_signed = mode != QuantMode::asymmetric_unsigned, .scale = {}, .zero_point = {}};
  for (const RealRange& r : ranges) {
    const LinearScale s = linear_scale(r, bits, mode);
    q.scale.push_back(s.scale);
    if (!symmetric) q.zero_point.push_back(s.zero_point);
  }
  return q;
}

int32_t quantized(float x, const LinearScale& s) {
  const float nearest = std::nearbyint(x / s.scale);
  if (std::isnan(nearest)) return s.highest;
  const double q = static_cast<double>(nearest) + s.zero_point;
  return static_cast<int32_t>(std::clamp<double>(q, s.lowest, s.highest));
}

float dequantized(int32_t q, const LinearScale& s) { return static_cast<float>(q - s.zero_point) * s.scale; }

}  // namespace pith
