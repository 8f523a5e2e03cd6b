#include "apps/run_report/measured_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/charts/bar_chart.h"
#include "apps/charts/heat_map.h"
#include "apps/charts/line_chart.h"
#include "apps/charts/markup.h"
#include "apps/run_report/html.h"

namespace pith::apps {
namespace {

std::string forms_chart(const Measured& m) {
  LineChart chart{.title = "Accuracy against bytes, by form",
                  .description = "The dashed line joins the forms that no other one beats in both",
                  .x_label = "kB as stored",
                  .left_label = "test top-1, %",
                  .joined = false};
  for (const Form& f : m.forms)
    if (f.top1 && f.bytes > 0) chart.series.push_back({f.name, {{static_cast<double>(f.bytes) / 1000, *f.top1}}});
  if (chart.series.size() < 2) return "";
  chart.front = pareto_front(chart.series);
  return figure(line_chart(chart), chart.title + ". " + chart.description + ".");
}

/// Layers in the order of the network: a form's map is sorted by name, the activations are not.
std::vector<std::string> layer_order(const Measured& m) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  const auto timed = [&](const std::string& name) {
    return std::any_of(m.forms.begin(), m.forms.end(), [&](const Form& f) { return f.layers.contains(name); });
  };
  for (const ValueHistogram& v : m.activations)
    if (timed(v.name)) add(v.name);
  for (const Form& f : m.forms)
    for (const auto& [name, l] : f.layers) add(name);
  return names;
}

std::string histogram_grid(const std::vector<ValueHistogram>& values) {
  std::string out = "<div class=\"grid\">";
  for (const ValueHistogram& v : values) out += histogram(v.name, v.values, v.clip);
  return out + "</div>\n";
}

std::string confusion(const Measured& m) {
  const Evaluation& e = *m.answers;
  if (e.classes > 40) return "<p class=\"faint\">There are too many classes to draw the confusion.</p>\n";
  HeatMap map{.title = "Confusion",
              .description = "Rows are labels, columns what was said; the more images, the darker",
              .rows = {},
              .columns = {},
              .values = {},
              .full = 0,
              .decimals = 0};
  for (const ClassScore& s : class_scores(e)) map.full = std::max(map.full, static_cast<double>(s.images));
  for (int64_t label = 0; label < e.classes; ++label) {
    const std::string& name = m.classes[static_cast<size_t>(label)];
    map.rows.push_back(name);
    map.columns.push_back(shortened(name, 9));
    const auto first = e.confusion.begin() + label * e.classes;
    map.values.emplace_back(first, first + e.classes);
  }
  return figure(heat_map(map), map.title + ". " + map.description + ".");
}

std::string classes_table(const Measured& m) {
  std::string rows;
  const std::vector<ClassScore> scores = class_scores(*m.answers);
  for (size_t c = 0; c < scores.size(); ++c) {
    const ClassScore& s = scores[c];
    const std::string other = s.confused_with < 0 ? "-" : escaped(m.classes[static_cast<size_t>(s.confused_with)]);
    rows += row({escaped(m.classes[c]), std::to_string(s.images), std::to_string(s.correct), number(s.top1(), 2), other,
                 std::to_string(s.confused)});
  }
  return table("Accuracy by class, and the class that its images were mostly taken for",
               {"class", "images", "right", "top-1 %", "mostly taken for", "times"}, rows);
}

std::string worst_images(const Measured& m) {
  if (m.worst.empty()) return "";
  std::string out = "<h4>Most confidently wrong</h4>\n<ul class=\"pictures\">";
  for (const WorstImage& w : m.worst) {
    const std::string& label = m.classes[static_cast<size_t>(w.mistake.label)];
    const std::string& said = m.classes[static_cast<size_t>(w.mistake.prediction)];
    const std::string words = fmt::format("{}, taken for {} ({:.2f} %)", label, said, 100 * w.mistake.probability);
    out += fmt::format("<li>{}<span>{}<br/>test image {}</span></li>",
                       image(w.png, "png", fmt::format("Test image {}: {}", w.mistake.image, words), 96, 96, "pixels"),
                       escaped(words), w.mistake.image);
  }
  return out + "</ul>\n";
}

}  // namespace

std::string forms_part(const Measured& m) {
  if (m.forms.empty()) return "";
  std::string rows;
  for (const Form& f : m.forms)
    rows += row({escaped(f.name), escaped(f.stored_as), f.bytes > 0 ? std::to_string(f.bytes) : "-", number(f.top1, 2),
                 f.latency ? number(f.latency->best, 0) : "-", f.latency ? number(f.latency->median, 0) : "-"});
  std::string out =
      "<h3>Forms of this network</h3>\n" +
      table(fmt::format("Top-1 of {} test images, bytes of the weights as they are stored (csr: counted by "
                        "packing; integers: the file), latency of one image with batch norm folded",
                        m.images),
            {"form", "stored as", "bytes", "top-1 %", "best us", "median us"}, rows) +
      forms_chart(m);
  for (const std::string& note : m.notes) out += "<p class=\"faint\">" + escaped(note) + "</p>\n";
  return out;
}

std::string layers_part(const Measured& m) {
  GroupedBars bars{.title = "Latency by layer",
                   .description =
                       "Best of many runs, one image, microseconds. Floats: the layer alone, without batch norm, "
                       "sum and ReLU; integers: within the network, with requantization, sum and ReLU",
                   .unit = "us",
                   .rows = layer_order(m)};
  std::vector<const Form*> forms;
  std::vector<std::string> columns{"layer"};
  for (const Form& f : m.forms) {
    if (f.layers.empty()) continue;
    forms.push_back(&f);
    bars.series.push_back(f.name);
    columns.push_back(f.name);
  }
  if (forms.empty()) return "";
  std::string rows;
  for (const std::string& name : bars.rows) {
    bars.values.emplace_back();
    std::vector<std::string> cells{escaped(name)};
    for (const Form* f : forms) {
      const auto found = f->layers.find(name);
      const bool there = found != f->layers.end();
      bars.values.back().push_back(there ? found->second.best : std::numeric_limits<double>::quiet_NaN());
      cells.push_back(there ? fmt::format("{:.1f} / {:.1f}", found->second.best, found->second.median) : "-");
    }
    rows += row(cells);
  }
  return "<h3>Latency by layer and format</h3>\n" + figure(grouped_bars(bars), bars.description + ".") +
         "<details><summary>The same in numbers</summary>" + table("Microseconds, best / median", columns, rows) +
         "</details>\n";
}

std::string values_part(const Measured& m) {
  std::string out;
  if (!m.weights.empty())
    out +=
        "<h3>Weights and their quantized ranges</h3>\n<p class=\"faint\">Batch norm folded in; zeros are not drawn. "
        "Lines "
        "are the ends of the widest channel's range, shaded is what saturates.</p>\n" +
        histogram_grid(m.weights);
  if (!m.activations.empty())
    out += fmt::format(
               "<h3>Activations{}</h3>\n<p class=\"faint\">Of {} images that were not trained on where there are such; "
               "exact zeros are not drawn. Lines are the ends of the chosen range, shaded is what saturates.</p>\n",
               m.weights.empty() ? "" : " and their quantized ranges", m.activation_images) +
           histogram_grid(m.activations);
  return out;
}

std::string answers_part(const Measured& m) {
  if (!m.answers) return "";
  return fmt::format("<h3>Answers</h3>\n<p class=\"faint\">Of {}, {} test images.</p>\n",
                     m.forms.size() == 1 ? "this network" : "the run's best weights", m.answers->score.seen) +
         confusion(m) + classes_table(m) + worst_images(m);
}

}  // namespace pith::apps
