#include "apps/run_report/page_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/charts/axis.h"
#include "apps/charts/bar_chart.h"
#include "apps/charts/heat_map.h"
#include "apps/charts/line_chart.h"
#include "apps/charts/markup.h"
#include "apps/run_report/html.h"
#include "apps/run_report/measured_parts.h"
#include "apps/run_report/run_again.h"
#include "apps/run_report/sensitivity_study.h"

namespace pith::apps {
namespace {

double seconds_of(const RunRecord& run) {
  if (!run.timing) return NAN;
  const auto seconds = run.timing->column("seconds");
  return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

/// Curves of the columns that end in `ending`, over the epochs.
void add_curves(LineChart& chart, const MetricTable& m, const std::string& ending) {
  const std::vector<double> epochs = m.column("epoch");
  for (const std::string& name : m.columns) {
    if (!name.ends_with(ending)) continue;
    Series s{name, {}};
    const std::vector<double> values = m.column(name);
    for (size_t i = 0; i < epochs.size(); ++i) s.points.emplace_back(epochs[i], values[i]);
    chart.series.push_back(std::move(s));
  }
}

/// On the right axis.
void add_right(LineChart& chart, const MetricTable& m, const std::string& column, double times,
               const std::string& label) {
  const std::vector<double> epochs = m.column("epoch"), values = m.column(column);
  if (values.empty()) return;
  Series s{column, {}, true};
  for (size_t i = 0; i < values.size() && i < epochs.size(); ++i) s.points.emplace_back(epochs[i], times * values[i]);
  chart.series.push_back(std::move(s));
  chart.right_label = label;
}

/// What metrics.csv says of bits, or the width that a run in whole numbers had from its beginning.
void add_bits(LineChart& chart, const RunRecord& run) {
  for (const std::string& name : run.metrics.columns)
    if (name == "bits" || name.starts_with("bits/")) add_right(chart, run.metrics, name, 1, "bits a weight");
  if (!chart.right_label.empty() || run.quantized_bits == 0) return;
  Series s{"bits", {}, true};
  for (const double epoch : run.metrics.column("epoch")) s.points.emplace_back(epoch, run.quantized_bits);
  chart.series.push_back(std::move(s));
  chart.right_label = "bits a weight";
}

std::string curves(const RunRecord& run) {
  const MetricTable& m = run.metrics;
  const bool language = !m.column("train_perplexity").empty();
  const std::string behind = m.column("sparsity").empty() ? "" : ", and the sparsity of the weights";
  LineChart quality{.title = "Learning curve of " + run.name,
                    .description = (language ? "Perplexity by epoch" : "Top-1 by epoch") + behind,
                    .x_label = "epoch",
                    .left_label = language ? "perplexity" : "top-1, %"};
  add_curves(quality, m, language ? "_perplexity" : "_top1");
  add_right(quality, m, "sparsity", 100, "sparsity, %");
  LineChart bits{.title = "Bits of " + run.name,
                 .description = (language ? "Perplexity" : "Top-1") + std::string(" by epoch, and bits a weight"),
                 .x_label = "epoch",
                 .left_label = quality.left_label,
                 .height = 240};
  add_curves(bits, m, language ? "_perplexity" : "_top1");
  add_bits(bits, run);
  LineChart loss{.title = "Loss of " + run.name,
                 .description = "Loss by epoch, and the learning rate",
                 .x_label = "epoch",
                 .left_label = "loss",
                 .height = 240};
  add_curves(loss, m, "_loss");
  add_right(loss, m, "rate", 1, "learning rate");
  return figure(line_chart(quality), quality.description + ".") +
         (bits.right_label.empty() ? "" : figure(line_chart(bits), bits.description + ".")) +
         figure(line_chart(loss), loss.description + ".");
}

std::string sparsity_part(const RunRecord& run) {
  if (run.weights.empty())
    return "<p>There is no checkpoint of a best epoch here, so nothing is known of the weights.</p>\n";
  BarChart bars{.title = "Zeros of each weight of " + run.name,
                .description = "Percent of the elements that are exactly 0",
                .full = 100};
  std::string rows;
  for (const WeightRecord& w : run.weights) {
    const WeightSparsity& s = w.sparsity;
    bars.bars.push_back({s.name, s.fine, fmt::format("{:.2f} %", s.fine)});
    rows += row({escaped(s.name), escaped(parentheses(s.shape)), std::to_string(s.dense), std::to_string(s.sparse),
                 number(s.fine, 2), number(s.kernels, 2), number(s.filters, 2), number(s.channels, 2),
                 std::to_string(s.dense * 4), std::to_string(w.csr_bytes)});
  }
  return "<h3>Sparsity by weight</h3>\n" + figure(bar_chart(bars), bars.description + ".") +
         "<details><summary>The same in numbers</summary>" +
         table("Percentages are of all-zero structures, bytes as f32 and as compressed sparse rows",
               {"weight", "shape", "elements", "not 0", "zeros %", "kernels or rows %", "filters %", "channels %",
                "dense bytes", "csr bytes"},
               rows) +
         "</details>\n";
}

std::string masks(const RunRecord& run) {
  std::string pictures;
  for (const WeightRecord& w : run.weights) {
    if (w.picture.empty()) continue;
    const int64_t rows = w.sparsity.shape[0], columns = w.sparsity.dense / rows;
    const std::string words =
        fmt::format("{}: {} rows of {} weights, {:.1f} % zeros", w.sparsity.name, rows, columns, w.sparsity.fine);
    pictures += "<li>" +
                image(w.picture, "png", words, std::min<int64_t>(columns, 768), std::min<int64_t>(rows, 256), "mask") +
                "<span>" + escaped(words) + "</span></li>";
  }
  if (pictures.empty()) return "";
  return "<h3>Masks</h3>\n<p class=\"faint\">A row is a filter or an output, a pixel one of its weights: dark is kept, "
         "light "
         "is zero.</p>\n<ul class=\"masks\">" +
         pictures + "</ul>\n";
}

std::string sensitivity(const RunRecord& run) {
  if (run.sensitivity == nullptr) return "";
  const SensitivityStudy& s = *run.sensitivity;
  HeatMap map{
      .title = "Points of top-1 lost",
      .description = fmt::format("Each weight alone pruned to a level, without training; beside its top-1 at level "
                                 "{:g}",
                                 s.levels.front()),
      .rows = s.weights,
      .columns = {},
      .values = {},
      .full = 10};
  for (const double level : s.levels) map.columns.push_back(fmt::format("{:g}", level));
  for (const auto& weight : s.top1) {
    map.values.emplace_back();
    for (const double top1 : weight) map.values.back().push_back(weight.front() - top1);
  }
  return "<h3>Sensitivity by weight</h3>\n" + figure(heat_map(map), map.title + ". " + map.description + ".");
}

std::string histograms(const RunRecord& run) {
  if (run.weights.empty()) return "";
  std::string out =
      "<h3>How the weights are distributed</h3>\n<p class=\"faint\">Exact zeros are left out of the bars and "
      "written below them.</p>\n<div class=\"grid\">";
  for (const WeightRecord& w : run.weights) out += histogram(w.sparsity.name, w.values);
  return out + "</div>\n";
}

}  // namespace

std::string figures_table(const std::vector<RunRecord>& runs) {
  const bool language =
      std::any_of(runs.begin(), runs.end(), [](const RunRecord& r) { return r.perplexity().has_value(); });
  std::vector<std::string> columns{"run", "model", "data", "test top-1 %"};
  if (language) columns.push_back("perplexity");
  for (const char* more :
       {"zeros %", "weights not 0", "dense bytes", "packed bytes", "file bytes", "latency us", "epochs", "seconds"})
    columns.push_back(more);
  std::string rows, notes;
  for (const RunRecord& r : runs) {
    const auto setting = [&](const char* name) { return escaped(r.config.value(name, std::string())); };
    const bool weights = r.file_bytes > 0;
    const auto known = [&](const std::string& words) { return weights ? words : "-"; };
    std::vector<std::string> cells{escaped(r.name), setting("model"), setting("data"), number(r.top1(), 2)};
    if (language) cells.push_back(number(r.perplexity(), 2));
    cells.insert(cells.end(), {known(number(r.sparsity(), 2)), known(std::to_string(r.kept())),
                               known(std::to_string(r.dense_bytes())), known(std::to_string(r.packed_bytes())),
                               known(std::to_string(r.file_bytes)), r.latency ? number(r.latency->best, 0) : "-",
                               std::to_string(r.metrics.rows.size()), number(seconds_of(r), 1)});
    rows += row(cells);
    const std::string name = escaped(r.name);
    if (r.result.is_null()) notes += "<p class=\"faint\">" + name + " has not ended: it has no test result.</p>\n";
    if (r.metrics.cut)
      notes += "<p class=\"faint\">The last line of metrics.csv of " + name + " was cut off and is left out.</p>\n";
    if (!r.latency && !r.no_latency.empty())
      notes += "<p class=\"faint\">No latency of " + name + ": " + escaped(r.no_latency) + "</p>\n";
  }
  return table(
             "Dense bytes: every value as f32. Packed: each weight as f32 or compressed sparse rows, whichever is "
             "smaller. "
             "Latency: best of many, one image, batch norm folded",
             columns, rows) +
         notes;
}

std::string comparison_chart(const std::vector<RunRecord>& runs) {
  LineChart chart{.title = "Accuracy against bytes",
                  .description =
                      "Test top-1 of each run against its packed bytes; the dashed line joins the runs that no other "
                      "beats in both",
                  .x_label = "packed kB",
                  .left_label = "test top-1, %",
                  .joined = false};
  for (const RunRecord& r : runs)
    if (r.top1() && r.file_bytes > 0)
      chart.series.push_back({r.name, {{static_cast<double>(r.packed_bytes()) / 1000, *r.top1()}}});
  if (chart.series.size() < 2) return "";
  chart.front = pareto_front(chart.series);
  return "<h2>Accuracy against bytes</h2>\n" + figure(line_chart(chart), chart.description + ".");
}

std::string run_section(const RunRecord& run, size_t place, Detail detail) {
  std::string out = fmt::format("<section id=\"run{}\"><h2>{}</h2>\n", place, escaped(run.name));
  out += curves(run);
  const bool pictures = detail == Detail::all, charts = pictures || detail == Detail::charts;
  if (run.measured != nullptr) out += forms_part(*run.measured);
  if (run.measured != nullptr && charts) out += layers_part(*run.measured);
  out += sparsity_part(run);
  if (pictures) out += masks(run);
  if (charts) out += sensitivity(run);
  const bool quantized = run.measured != nullptr && !run.measured->weights.empty();
  if (charts && !quantized) out += histograms(run);
  if (run.measured != nullptr && charts) out += values_part(*run.measured);
  if (run.measured != nullptr && pictures) out += answers_part(*run.measured);
  return out + run_again(run) + "</section>\n";
}

}  // namespace pith::apps
