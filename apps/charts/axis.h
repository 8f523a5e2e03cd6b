// An axis: a range, round ticks in it, and where a value lies.
#pragma once

#include <string>
#include <vector>

namespace pith::apps {

/// Grows to what it is shown; finite values only.
struct Range {
  double low = 0, high = 0;
  bool empty = true;
  void include(double value);
};

struct Axis {
  double low = 0, high = 1;   ///< low < high; both are ticks
  std::vector<double> ticks;  ///< ascending, equal steps of 1, 2 or 5 times a power of ten
  int decimals = 0;           ///< that the ticks need

  /// Around the range with about `count` ticks, at least `least` from one to the next.
  static Axis around(const Range& range, int count = 5, double least = 0);
  /// 0 at low, 1 at high.
  double share(double value) const { return (value - low) / (high - low); }
  std::string label(double value) const;
};

/// At most 4 significant digits, without trailing zeros: 0.3561, 91.71, 1.2e-05.
std::string short_number(double value);

}  // namespace pith::apps
