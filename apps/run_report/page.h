// A report: records of runs to one HTML file that needs nothing else.
#pragma once

#include <string>
#include <vector>

#include "apps/run_report/run_record.h"

namespace pith::apps {

inline constexpr size_t kPageLimit = 500'000;  ///< bytes

/// runs: at least one. Written as well-formed XML, too. What would not fit below kPageLimit is left out and named:
/// histograms first, then the sections of single runs.
std::string report_page(const std::vector<RunRecord>& runs, const std::string& drawn_on);

}  // namespace pith::apps
