#include "apps/charts/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace pith::apps {

void Range::include(double value) {
  if (!std::isfinite(value)) return;
  low = empty ? value : std::min(low, value);
  high = empty ? value : std::max(high, value);
  empty = false;
}

Axis Axis::around(const Range& range, int count, double least) {
  double low = range.low, high = range.high;
  if (range.empty) low = 0, high = 1;
  if (!(high > low)) {
    const double room = low == 0 ? 1 : std::fabs(low) * 0.05;
    low -= room, high += room;
  }
  const double rough = std::max((high - low) / count, least);
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double lead = rough / power;
  const double step = power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
  Axis axis;
  axis.low = std::floor(low / step + 1e-9) * step;
  const auto steps = std::max<int64_t>(1, std::llround(std::ceil((high - axis.low) / step - 1e-9)));
  for (int64_t i = 0; i <= steps; ++i) axis.ticks.push_back(axis.low + static_cast<double>(i) * step);
  axis.high = axis.ticks.back();
  axis.decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  return axis;
}

std::string Axis::label(double value) const {
  if (decimals > 6 || std::fabs(value) >= 1e7) return short_number(value);
  std::string words = fmt::format("{:.{}f}", value, decimals);
  return words.find_first_not_of("-0.") == std::string::npos ? "0" : words;
}

std::string short_number(double value) { return std::isfinite(value) ? fmt::format("{:.4g}", value) : "-"; }

}  // namespace pith::apps
