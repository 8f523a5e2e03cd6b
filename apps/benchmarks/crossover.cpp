#include "apps/benchmarks/crossover.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "apps/charts/log_chart.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr const char* kHeader = "shape,batch,format,sparsity,us,times_dense,times_dense_best";

/// "crossover/stage1/n128/s90/manual_time" -> its four parts.
std::vector<std::string> parts_of(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

double number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value) || value < 0)
    throw FormatError("\"" + visible(text) + "\" is no number of at least 0");
  return value;
}

/// Curves of one shape, batch and format.
struct Curve {
  std::string shape;
  int64_t batch;
  std::string format;
  std::vector<CrossoverPoint> points;  ///< by rising sparsity
};

std::vector<Curve> curves_of(const std::vector<CrossoverPoint>& points) {
  std::vector<Curve> all;
  for (const CrossoverPoint& p : points) {
    auto at = std::find_if(all.begin(), all.end(), [&](const Curve& c) {
      return c.shape == p.shape && c.batch == p.batch && c.format == p.format;
    });
    if (at == all.end()) at = all.insert(all.end(), {p.shape, p.batch, p.format, {}});
    at->points.push_back(p);
  }
  for (Curve& c : all)
    std::stable_sort(c.points.begin(), c.points.end(),
                     [](const CrossoverPoint& a, const CrossoverPoint& b) { return a.sparsity < b.sparsity; });
  std::stable_sort(all.begin(), all.end(), [](const Curve& a, const Curve& b) {
    return std::pair(a.shape, -a.batch) < std::pair(b.shape, -b.batch);
  });
  return all;
}

BreakEven break_even_of(const Curve& c) {
  BreakEven b{c.shape, c.batch, c.format, "always", 0, c.points.front().ratio, 0};
  for (const CrossoverPoint& p : c.points) b.best = std::max(b.best, p.ratio);
  if (c.points.size() == 1) {
    const bool wins = b.best >= 1;
    b.level = wins ? c.points[0].sparsity : 100;
    b.wins = wins ? fmt::format("at {:.0f} %", b.level) : "never";
    return b;
  }
  const auto lost =
      std::find_if(c.points.rbegin(), c.points.rend(), [](const CrossoverPoint& p) { return p.ratio < 1; });
  if (lost == c.points.rend()) return b;
  if (lost == c.points.rbegin()) {
    b.level = 100, b.wins = "never";
    return b;
  }
  const CrossoverPoint &low = *lost, &high = *(lost - 1);
  b.level = low.sparsity + (high.sparsity - low.sparsity) * (1 - low.ratio) / (high.ratio - low.ratio);
  b.wins = fmt::format("from {:.0f} %", b.level);
  return b;
}

}  // namespace

std::vector<CrossoverPoint> crossover_points(const Json& document) {
  std::vector<CrossoverPoint> points;
  for (const Json& row : document.at("benchmarks")) {
    const std::string name = row.at("name");
    const auto parts = parts_of(name, '/');
    if (parts.size() < 4 || parts[0] != "crossover") continue;
    if (row.contains("error_message")) throw IoError(name + ": " + row.at("error_message").get<std::string>());
    const double dense = row.at("us dense"), dense_best = row.at("best dense");
    for (const auto& [key, value] : row.items()) {
      if (!key.starts_with("us ") || key == "us dense") continue;
      const std::string format = key.substr(3);
      points.push_back({parts[1], std::stoll(parts[2].substr(1)), format, std::stod(parts[3].substr(1)),
                        value.get<double>(), dense / value.get<double>(),
                        dense_best / row.at("best " + format).get<double>()});
    }
  }
  return points;
}

std::string crossover_csv(const std::vector<CrossoverPoint>& points) {
  std::string out = std::string(kHeader) + "\n";
  for (const CrossoverPoint& p : points)
    out += fmt::format("{},{},{},{:g},{:.5g},{:.4g},{:.4g}\n", p.shape, p.batch, p.format, p.sparsity, p.us, p.ratio,
                       p.best_ratio);
  return out;
}

std::vector<CrossoverPoint> parse_crossover_csv(const std::string& text, const std::string& where) {
  std::istringstream in(text);
  std::string line;
  std::getline(in, line);
  if (line != kHeader) throw FormatError(fmt::format("{}:1: expected the header {}", where, kHeader));
  std::vector<CrossoverPoint> points;
  for (int64_t at = 2; std::getline(in, line); ++at) {
    const auto cells = parts_of(line, ',');
    if (cells.size() != 7) throw FormatError(fmt::format("{}:{}: expected 7 cells, found {}", where, at, cells.size()));
    try {
      points.push_back({cells[0], static_cast<int64_t>(number(cells[1])), cells[2], number(cells[3]), number(cells[4]),
                        number(cells[5]), number(cells[6])});
    } catch (const FormatError& e) {
      throw FormatError(fmt::format("{}:{}: {}", where, at, e.what()));
    }
  }
  return points;
}

std::vector<BreakEven> break_even(const std::vector<CrossoverPoint>& points) {
  std::vector<BreakEven> all;
  for (const Curve& c : curves_of(points)) all.push_back(break_even_of(c));
  return all;
}

Table break_even_table(const std::vector<BreakEven>& all) {
  Table t{.title = "Break-even with dense f32", .columns = {"shape", "batch", "format", "wins", "lowest", "best"}};
  const auto ratio = [](double r) { return fmt::format("{:.2f}x", r); };
  for (const BreakEven& b : all) t.rows.push_back({b.shape, b.batch, b.format, b.wins, ratio(b.lowest), ratio(b.best)});
  return t;
}

std::string crossover_chart(const std::vector<CrossoverPoint>& points, const std::string& machine) {
  LogChart chart{
      .title = "Where each format begins to win",
      .description = "Times the speed of dense f32 by sparsity; above the dashed line the format wins. " + machine,
      .x_label = "sparsity, %",
      .y_label = "times dense f32",
      .mark = 1};
  for (const Curve& c : curves_of(points)) {
    const std::string title = fmt::format("{}, batch {}", c.shape, c.batch);
    if (chart.panels.empty() || chart.panels.back().title != title) chart.panels.push_back({title});
    LogCurve curve{c.format, {}, c.points.size() > 1};
    for (const CrossoverPoint& p : c.points) curve.points.emplace_back(p.sparsity, p.ratio);
    chart.panels.back().curves.push_back(std::move(curve));
  }
  return log_chart(chart);
}

}  // namespace pith::apps
