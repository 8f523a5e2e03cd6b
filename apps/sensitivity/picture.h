// The study as pictures: points of top-1 lost, weight by level; and the curves.
#pragma once

#include <string>

#include "apps/sensitivity/study.h"

namespace pith::apps {

/// SVG elements: a heat map of what is lost, and curves of top-1.
std::string sensitivity_map(const StudyPlan& plan, const StudySums& sums);
std::string sensitivity_curves(const StudyPlan& plan, const StudySums& sums);

}  // namespace pith::apps
