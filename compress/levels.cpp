#include "compress/levels.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "tensor/error.h"

namespace pith::compress {

std::string_view name(Curve curve) {
  switch (curve) {
    case Curve::constant:
      return "constant";
    case Curve::linear:
      return "linear";
    case Curve::cubic:
      return "cubic";
    case Curve::exponential:
      return "exponential";
    case Curve::cosine:
      return "cosine";
  }
  return "?";
}

double level_at(Curve curve, double first, double last, double t) {
  const auto inside = [&](double v) { return v >= 0 && (curve == Curve::exponential ? v < 1 : v <= 1); };
  if (!inside(first) || !inside(last))
    throw ArgumentError("level: " + std::to_string(first) + " to " + std::to_string(last) + " leaves the range of a " +
                        std::string(name(curve)) + " level, 0 to 1");
  t = std::clamp(t, 0.0, 1.0);
  switch (curve) {
    case Curve::constant:
      return last;
    case Curve::linear:
      return first + (last - first) * t;
    case Curve::cubic:
      return last + (first - last) * std::pow(1 - t, 3);
    case Curve::exponential:
      return 1 - (1 - first) * std::pow((1 - last) / (1 - first), t);
    case Curve::cosine:
      return last + (first - last) * (1 + std::cos(std::numbers::pi * t)) / 2;
  }
  return last;
}

double way(const Period& period, double time) {
  const double span = static_cast<double>(period.last() - period.start);
  return span > 0 ? std::clamp((time - static_cast<double>(period.start)) / span, 0.0, 1.0) : 1;
}

double agp_level(double initial, double final, const Period& period, double time) {
  return level_at(Curve::cubic, initial, final, way(period, time));
}

double threshold_at(const RampedThreshold& s, int64_t epoch) {
  const double start = static_cast<double>(s.period.start), end = static_cast<double>(s.period.end);
  const double frequency = static_cast<double>(s.period.frequency), now = static_cast<double>(epoch);
  const double ramp = start + static_cast<double>(s.ramp_offset);
  const double slow = 2 * s.quantile * frequency / (2 * (ramp - start) + 3 * (end - ramp));
  if (now < ramp) return slow * (now - start + 1) / frequency;
  return (slow * (ramp - start + 1) + s.slope_factor * slow * (now - ramp + 1)) / frequency;
}

}  // namespace pith::compress
