// Every kernel beside what the machine allows (Williams, Waterman and Patterson 2009): a kernel that does I operations
// a byte of memory can reach the lesser of the unit's ceiling and I times the speed of memory.
#pragma once

#include <string>
#include <vector>

#include "apps/report.h"
#include "apps/summaries/table.h"

namespace pith::apps {

struct RooflinePoint {
  std::string kernel, shape;
  double operations = 0, bytes = 0;  ///< of a call; each tensor's bytes once
  double rate = 0, ceiling = 0;      ///< 10^9 operations a second
  double memory = 0;                 ///< GB/s
  double intensity() const { return operations / bytes; }
  double roof() const { return ceiling < memory * intensity() ? ceiling : memory * intensity(); }
};

/// From Google Benchmark's document. Throws IoError where a row failed.
std::vector<RooflinePoint> roofline_points(const Json& document);
Table roofline_table(const std::vector<RooflinePoint>& points);
/// SVG: rate by intensity, both logarithmic, a panel a unit (multiply-adds, VNNI, population counts) with its roof.
std::string roofline_chart(const std::vector<RooflinePoint>& points, const std::string& machine);

}  // namespace pith::apps
