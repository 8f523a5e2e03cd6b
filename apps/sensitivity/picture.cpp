#include "apps/sensitivity/picture.h"

#include <fmt/format.h>

#include "apps/charts/heat_map.h"
#include "apps/charts/line_chart.h"

namespace pith::apps {

std::string sensitivity_map(const StudyPlan& plan, const StudySums& sums) {
  HeatMap map{
      .title = "Points of top-1 lost",
      .description = fmt::format("One weight at a time pruned by {}, without training; the dense network has {:.2f} %",
                                 compress::name(plan.kind), sums.base.top1()),
      .rows = plan.weights,
      .columns = {},
      .values = {},
      .full = 10};
  for (const double level : plan.levels) map.columns.push_back(fmt::format("{:g}", level));
  for (const auto& weight : sums.scores) {
    map.values.emplace_back();
    for (const Score& s : weight) map.values.back().push_back(sums.base.top1() - s.top1());
  }
  return heat_map(map);
}

std::string sensitivity_curves(const StudyPlan& plan, const StudySums& sums) {
  LineChart chart{.title = "Top-1 by sparsity",
                  .description = fmt::format("One curve a weight, pruned alone by {}", compress::name(plan.kind)),
                  .x_label = "sparsity",
                  .left_label = "top-1, %",
                  .series = {},
                  .height = 420};
  for (size_t w = 0; w < plan.weights.size(); ++w) {
    Series s{plan.weights[w], {}};
    for (size_t l = 0; l < plan.levels.size(); ++l) s.points.emplace_back(plan.levels[l], sums.scores[w][l].top1());
    chart.series.push_back(std::move(s));
  }
  return line_chart(chart);
}

}  // namespace pith::apps
