#include "apps/benchmarks/roofline.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/charts/log_chart.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

std::string unit_of(const std::string& kernel) {
  return kernel == "bits" ? "bits" : kernel.starts_with("int") ? "8-bit integers" : "f32";
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// The roof of a unit, by the medians of its rows' limits: memory's slope up to the knee, then flat.
LogCurve roof_of(const std::vector<RooflinePoint>& points, double lowest, double highest) {
  std::vector<double> ceilings, memories;
  for (const RooflinePoint& p : points) ceilings.push_back(p.ceiling), memories.push_back(p.memory);
  const double ceiling = median(ceilings), memory = median(memories), knee = ceiling / memory;
  LogCurve roof{"roof", {}};
  if (lowest < knee) roof.points.emplace_back(lowest, memory * lowest);
  if (lowest < knee && knee < highest) roof.points.emplace_back(knee, ceiling);
  if (lowest >= knee) roof.points.emplace_back(lowest, ceiling);
  roof.points.emplace_back(highest, std::min(ceiling, memory * highest));
  return roof;
}

}  // namespace

std::vector<RooflinePoint> roofline_points(const Json& document) {
  std::vector<RooflinePoint> points;
  for (const Json& row : document.at("benchmarks")) {
    const std::string name = row.at("name");
    if (!name.starts_with("roofline/")) continue;
    if (row.contains("error_message")) throw IoError(name + ": " + row.at("error_message").get<std::string>());
    const size_t first = name.find('/') + 1, second = name.find('/', first), third = name.find('/', second + 1);
    points.push_back({name.substr(first, second - first), name.substr(second + 1, third - second - 1),
                      row.at("operations"), row.at("bytes"), row.at("rate"), row.at("ceiling"), row.at("memory")});
  }
  return points;
}

Table roofline_table(const std::vector<RooflinePoint>& points) {
  Table t{.title = "Rooflines",
          .columns = {"kernel", "shape", "Mop", "MB", "op/byte", "Gop/s", "ceiling", "GB/s", "of ceiling", "of roof"}};
  for (const RooflinePoint& p : points)
    t.rows.push_back({p.kernel, p.shape, fmt::format("{:.1f}", p.operations * 1e-6),
                      fmt::format("{:.2f}", p.bytes * 1e-6), fmt::format("{:.1f}", p.intensity()),
                      fmt::format("{:.0f}", p.rate), fmt::format("{:.0f}", p.ceiling), fmt::format("{:.1f}", p.memory),
                      fmt::format("{:.2f}", p.rate / p.ceiling), fmt::format("{:.2f}", p.rate / p.roof())});
  return t;
}

std::string roofline_chart(const std::vector<RooflinePoint>& points, const std::string& machine) {
  LogChart chart{.title = "Rooflines",
                 .description = "Rate by operations a byte of memory, both logarithmic; stages 1 to 3. " + machine,
                 .x_label = "operations a byte",
                 .y_label = "10^9 operations a second",
                 .columns = 1,
                 .panel_height = 230,
                 .log_x = true};
  double lowest = 1e30, highest = 0;
  for (const RooflinePoint& p : points)
    lowest = std::min(lowest, p.intensity() / 1.5), highest = std::max(highest, p.intensity() * 1.5);
  for (const char* unit : {"f32", "8-bit integers", "bits"}) {
    std::vector<RooflinePoint> own;
    for (const RooflinePoint& p : points)
      if (unit_of(p.kernel) == unit) own.push_back(p);
    if (own.empty()) continue;
    LogPanel panel{unit, {roof_of(own, lowest, highest)}};
    for (const RooflinePoint& p : own) {
      auto at =
          std::find_if(panel.curves.begin(), panel.curves.end(), [&](const auto& c) { return c.name == p.kernel; });
      if (at == panel.curves.end()) at = panel.curves.insert(at, {p.kernel, {}, false});
      at->points.emplace_back(p.intensity(), p.rate);
      at->labels.push_back(p.shape);
    }
    chart.panels.push_back(std::move(panel));
  }
  return log_chart(chart);
}

}  // namespace pith::apps
