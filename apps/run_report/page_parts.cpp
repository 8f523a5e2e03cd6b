#include "apps/run_report/page_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/charts/axis.h"
#include "apps/charts/bar_chart.h"
#include "apps/charts/line_chart.h"
#include "apps/charts/markup.h"
#include "apps/run_report/run_again.h"

namespace pith::apps {
namespace {

std::string cell(const std::string& words) { return "<td>" + words + "</td>"; }
std::string header(const std::vector<std::string>& names) {
  std::string out = "<thead><tr>";
  for (const std::string& n : names) out += "<th scope=\"col\">" + escaped(n) + "</th>";
  return out + "</tr></thead>";
}

/// A table that scrolls sideways on a narrow screen, by keyboard, too.
std::string table(const std::string& caption, const std::vector<std::string>& columns, const std::string& rows) {
  return fmt::format(
      "<p class=\"faint\">{0}.</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table>{1}"
      "<tbody>{2}</tbody></table></div>\n",
      escaped(caption), header(columns), rows);
}

std::string figure(const std::string& picture, const std::string& caption) {
  return "<figure>" + picture + "<figcaption>" + escaped(caption) + "</figcaption></figure>\n";
}

std::string number(std::optional<double> value, int decimals) {
  return value && std::isfinite(*value) ? fmt::format("{:.{}f}", *value, decimals) : "-";
}

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
  LineChart loss{.title = "Loss of " + run.name,
                 .description = "Loss by epoch, and the learning rate",
                 .x_label = "epoch",
                 .left_label = "loss",
                 .height = 240};
  add_curves(loss, m, "_loss");
  add_right(loss, m, "rate", 1, "learning rate");
  return figure(line_chart(quality), quality.description + ".") + figure(line_chart(loss), loss.description + ".");
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
    rows += "<tr>" + cell(escaped(s.name)) + cell(escaped(parentheses(s.shape))) + cell(std::to_string(s.dense)) +
            cell(std::to_string(s.sparse)) + cell(fmt::format("{:.2f}", s.fine)) +
            cell(fmt::format("{:.2f}", s.kernels)) + cell(fmt::format("{:.2f}", s.filters)) +
            cell(fmt::format("{:.2f}", s.channels)) + cell(std::to_string(s.dense * 4)) +
            cell(std::to_string(w.csr_bytes)) + "</tr>";
  }
  return "<h3>Sparsity by weight</h3>\n" + figure(bar_chart(bars), bars.description + ".") +
         table(
             "The same in numbers; percentages are of all-zero structures, bytes as f32 and as compressed sparse rows",
             {"weight", "shape", "elements", "not 0", "zeros %", "kernels or rows %", "filters %", "channels %",
              "dense bytes", "csr bytes"},
             rows);
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
    rows += "<tr>" + cell(escaped(r.name)) + cell(setting("model")) + cell(setting("data")) + cell(number(r.top1(), 2));
    if (language) rows += cell(number(r.perplexity(), 2));
    const bool weights = r.file_bytes > 0;
    const auto known = [&](const std::string& words) { return cell(weights ? words : "-"); };
    rows += known(fmt::format("{:.2f}", r.sparsity())) + known(std::to_string(r.kept())) +
            known(std::to_string(r.dense_bytes())) + known(std::to_string(r.packed_bytes())) +
            known(std::to_string(r.file_bytes)) + cell(r.latency ? fmt::format("{:.0f}", r.latency->best) : "-") +
            cell(std::to_string(r.metrics.rows.size())) + cell(number(seconds_of(r), 1)) + "</tr>";
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
  std::vector<std::pair<double, double>> points;
  for (const RunRecord& r : runs) {
    if (!r.top1() || r.file_bytes == 0) continue;
    points.emplace_back(static_cast<double>(r.packed_bytes()) / 1000, *r.top1());
    chart.series.push_back({r.name, {points.back()}});
  }
  if (points.size() < 2) return "";
  std::sort(points.begin(), points.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first < b.first : a.second > b.second; });
  for (const auto& p : points)
    if (chart.front.empty() || p.second > chart.front.back().second) chart.front.push_back(p);
  return "<h2>Accuracy against bytes</h2>\n" + figure(line_chart(chart), chart.description + ".");
}

std::string run_section(const RunRecord& run, size_t place, Detail detail) {
  std::string out = fmt::format("<section id=\"run{}\"><h2>{}</h2>\n", place, escaped(run.name));
  out += curves(run) + sparsity_part(run);
  if (detail == Detail::all) out += histograms(run);
  return out + run_again(run) + "</section>\n";
}

}  // namespace pith::apps
