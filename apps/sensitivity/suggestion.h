// What a study suggests: how far each weight alone may be pruned for a given loss of accuracy.
#pragma once

#include <string>
#include <vector>

#include "apps/sensitivity/study.h"
#include "apps/summaries/table.h"

namespace pith::apps {

struct Suggestion {
  std::string weight;
  double level = 0;  ///< the highest one up to which no level loses more than allowed
  double top1 = 0;   ///< there, percent
  int64_t elements = 0;
};

/// loss: points of top-1. elements: of each weight of the plan.
std::vector<Suggestion> suggest(const StudyPlan& plan, const StudySums& sums, const std::vector<int64_t>& elements,
                                double loss);
/// Parameter, Elements, Level, Top1, Change; the total says what share of all would go.
Table suggestion_table(const std::vector<Suggestion>& suggestions, double base_top1);

/// A schedule that prunes to these levels, one gradual pruner a level, over the first two thirds of `epochs`. Each
/// level was found with the others unpruned: together they lose more, and training under the schedule is what brings it
/// back.
std::string suggested_schedule(const std::vector<Suggestion>& suggestions, compress::GroupType kind, int64_t epochs,
                               const std::string& origin);

}  // namespace pith::apps
