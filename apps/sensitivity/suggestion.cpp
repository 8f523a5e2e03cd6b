#include "apps/sensitivity/suggestion.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace pith::apps {
namespace {

std::string pruner_text(const std::string& name, compress::GroupType kind, double level,
                        const std::vector<std::string>& weights) {
  const bool element = kind == compress::GroupType::element;
  std::string out = fmt::format("  {}:\n    class: {}\n    initial_sparsity: 0\n    final_sparsity: {}\n", name,
                                element ? "AutomatedGradualPruner" : "L1RankedStructureParameterPruner_AGP", level);
  if (!element)
    out += fmt::format("    group_type: {}\n", kind == compress::GroupType::filter ? "Filters" : "Channels");
  return out + fmt::format("    weights: ['{}']\n", fmt::join(weights, "', '"));
}

}  // namespace

std::vector<Suggestion> suggest(const StudyPlan& plan, const StudySums& sums, const std::vector<int64_t>& elements,
                                double loss) {
  std::vector<Suggestion> all;
  for (size_t w = 0; w < plan.weights.size(); ++w) {
    Suggestion s{plan.weights[w], 0, sums.base.top1(), elements[w]};
    for (size_t l = 0; l < plan.levels.size(); ++l) {
      const double top1 = sums.scores[w][l].top1();
      if (top1 < sums.base.top1() - loss - 1e-9) break;
      s.level = plan.levels[l];
      s.top1 = top1;
    }
    all.push_back(s);
  }
  return all;
}

Table suggestion_table(const std::vector<Suggestion>& suggestions, double base_top1) {
  Table t{.title = "suggested levels", .columns = {"Parameter", "Elements", "Level", "Top1 (%)", "Change"}};
  int64_t elements = 0;
  double pruned = 0;
  for (const Suggestion& s : suggestions) {
    t.rows.push_back({s.weight, s.elements, s.level, s.top1, s.top1 - base_top1});
    elements += s.elements;
    pruned += s.level * static_cast<double>(s.elements);
  }
  t.total = {"all of them at once:", elements, elements > 0 ? pruned / static_cast<double>(elements) : 0.0, nullptr,
             nullptr};
  return t;
}

std::string suggested_schedule(const std::vector<Suggestion>& suggestions, compress::GroupType kind, int64_t epochs,
                               const std::string& origin) {
  std::map<double, std::vector<std::string>> by_level;
  for (const Suggestion& s : suggestions)
    if (s.level > 0) by_level[s.level].push_back(s.weight);
  std::string pruners, policies;
  int number = 0;
  const int64_t end = std::max<int64_t>(1, epochs * 2 / 3);
  for (const auto& [level, weights] : by_level) {
    const std::string name = fmt::format("level_{}", ++number);
    pruners += pruner_text(name, kind, level, weights);
    policies += fmt::format(
        "  - pruner: {{instance_name: {}}}\n    starting_epoch: 0\n    ending_epoch: {}\n    frequency: 1\n", name,
        end);
  }
  return "# " + origin + "\nversion: 1\npruners:\n" + pruners + "policies:\n" + policies;
}

}  // namespace pith::apps
