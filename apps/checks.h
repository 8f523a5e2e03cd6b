// Ranges of command-line values: one sentence each, thrown as ArgumentError.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

#include "tensor/error.h"

namespace pith::apps {

/// value >= low.
inline void check_at_least(const char* option, int64_t value, int64_t low) {
  if (value < low) throw ArgumentError(fmt::format("{} must be at least {}, not {}", option, low, value));
}
/// Finite and above 0.
inline void check_positive(const char* option, double value) {
  if (!(std::isfinite(value) && value > 0)) {
    throw ArgumentError(fmt::format("{} must be a finite number above 0, not {}", option, value));
  }
}
/// Finite and at least 0.
inline void check_not_negative(const char* option, double value) {
  if (!(std::isfinite(value) && value >= 0)) {
    throw ArgumentError(fmt::format("{} must be a finite number of at least 0, not {}", option, value));
  }
}
/// low <= value < high.
inline void check_within(const char* option, double value, double low, double high) {
  if (!(value >= low && value < high)) {
    throw ArgumentError(fmt::format("{} must be at least {} and below {}, not {}", option, low, high, value));
  }
}

}  // namespace pith::apps
