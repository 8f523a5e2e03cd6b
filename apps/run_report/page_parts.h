// The sections of a report's page, as HTML.
#pragma once

#include <string>
#include <vector>

#include "apps/run_report/run_record.h"

namespace pith::apps {

/// How much is told of a run alone: nothing; curves and tables; then also charts of values and layers; then also
/// pictures and answers.
enum class Detail : uint8_t { none, curves, charts, all };

/// One line a run: accuracy, sparsity, bytes, latency, seconds.
std::string figures_table(const std::vector<RunRecord>& runs);
/// Accuracy against bytes, a point a run, with the staircase of those that no other run beats in both. "" where fewer
/// than two runs know their accuracy.
std::string comparison_chart(const std::vector<RunRecord>& runs);
/// Curves, sparsity, histograms and how to run it again. `number`: from 1, for anchors.
std::string run_section(const RunRecord& run, size_t number, Detail detail);

}  // namespace pith::apps
