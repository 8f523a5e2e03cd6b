// A report: records of runs to one HTML file that needs nothing else.
#pragma once

#include <string>
#include <vector>

#include "apps/run_report/run_record.h"

namespace pith::apps {

inline constexpr size_t kPageLimit = 500'000;  ///< bytes

/// runs: at least one. Written as well-formed XML, too. What would not fit below kPageLimit is left out and named:
/// pictures first, then histograms and layers, then the sections of single runs. crossover: an SVG file of
/// `pith bench crossover`, shown as a picture (no script of it runs), or "".
std::string report_page(const std::vector<RunRecord>& runs, const std::string& drawn_on,
                        const std::string& crossover = "");

}  // namespace pith::apps
