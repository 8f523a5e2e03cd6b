// Rounding half to even, as every integer of this library is rounded.
#pragma once

#include <cmath>

namespace pith::ops {

/// For |v| < 2^22: adding 1.5 * 2^23 leaves no bit for a fraction. A loop of it is vector code, where nearbyint() is a
/// call.
inline float nearest(float v) {
  constexpr float kShift = 12582912.0f;
  return (v + kShift) - kShift;
}
inline double nearest(double v) { return std::nearbyint(v); }

}  // namespace pith::ops
