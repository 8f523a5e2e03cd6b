#include "apps/charts/bar_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/charts/axis.h"
#include "apps/charts/chart_style.h"
#include "apps/charts/markup.h"

namespace pith::apps {
namespace {

double greatest(const BarChart& c) {
  if (c.full > 0) return c.full;
  double value = 0;
  for (const Bar& b : c.bars)
    if (std::isfinite(b.value)) value = std::max(value, b.value);
  return value > 0 ? value : 1;
}

}  // namespace

std::string bar_chart(const BarChart& c) {
  constexpr double kWidth = 720, kNames = 200, kWords = 110, kLine = 22;
  const double full = greatest(c);
  std::string out = fmt::format(
      "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">"
      "<title>{}</title><desc>{}</desc>",
      kWidth, kLine * static_cast<double>(c.bars.size()) + 4, escaped(c.title + ". " + c.description), escaped(c.title),
      escaped(c.description));
  for (size_t i = 0; i < c.bars.size(); ++i) {
    const Bar& b = c.bars[i];
    const double y = kLine * static_cast<double>(i), room = kWidth - kNames - kWords;
    const double width = std::isfinite(b.value) ? std::clamp(b.value / full, 0.0, 1.0) * room : 0;
    const std::string words = b.words.empty() ? short_number(b.value) : b.words;
    out += fmt::format(
        "<text text-anchor=\"end\" x=\"{0}\" y=\"{1:.1f}\">{2}</text>"
        "<rect class=\"frame\" x=\"{3}\" y=\"{4:.1f}\" width=\"{5}\" height=\"14\"/>"
        "<rect class=\"s0 fill\" x=\"{3}\" y=\"{4:.1f}\" width=\"{6:.1f}\" height=\"14\"><title>{7}: {8}</title></rect>"
        "<text class=\"faint\" x=\"{9}\" y=\"{1:.1f}\">{8}</text>",
        kNames - 8, y + 15, escaped(shortened(b.name, 28)), kNames, y + 4, room, width, escaped(b.name), escaped(words),
        kWidth - kWords + 8);
  }
  return out + "</svg>";
}

std::string grouped_bars(const GroupedBars& c) {
  constexpr double kWidth = 720, kNames = 170, kWords = 80, kBar = 9, kGap = 7, kLegend = 18;
  double full = 0;
  for (const auto& row : c.values)
    for (const double v : row)
      if (std::isfinite(v)) full = std::max(full, v);
  const double room = kWidth - kNames - kWords, step = kBar * static_cast<double>(c.series.size()) + kGap;
  const double top = kLegend * static_cast<double>(c.series.size()) + 6;
  std::string out = fmt::format(
      "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {:.0f}\" role=\"img\" "
      "aria-label=\"{}\">"
      "<title>{}</title><desc>{}</desc>",
      kWidth, top + step * static_cast<double>(c.rows.size()), escaped(c.title + ". " + c.description),
      escaped(c.title), escaped(c.description));
  for (size_t s = 0; s < c.series.size(); ++s)
    out += fmt::format(
        "<rect class=\"{} fill\" x=\"{}\" y=\"{:.0f}\" width=\"22\" height=\"10\"/><text x=\"{}\" "
        "y=\"{:.0f}\">{}</text>",
        series_class(s), kNames, kLegend * static_cast<double>(s) + 4, kNames + 30,
        kLegend * static_cast<double>(s) + 13, escaped(shortened(c.series[s], 70)));
  for (size_t r = 0; r < c.rows.size(); ++r) {
    const double y = top + step * static_cast<double>(r);
    out += fmt::format("<text text-anchor=\"end\" font-size=\"11\" x=\"{}\" y=\"{:.1f}\">{}</text>", kNames - 6,
                       y + (step - kGap) / 2 + 4, escaped(shortened(c.rows[r], 26)));
    for (size_t s = 0; s < c.values[r].size(); ++s) {
      const double value = c.values[r][s];
      if (!std::isfinite(value) || full <= 0) continue;
      const double width = std::clamp(value / full, 0.0, 1.0) * room, at = y + kBar * static_cast<double>(s);
      out += fmt::format(
          "<rect class=\"{} fill\" x=\"{}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\"><title>{}, {}: {} "
          "{}</title></rect>"
          "<text class=\"faint\" font-size=\"9\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
          series_class(s), kNames, at, width, kBar - 1, escaped(c.rows[r]), escaped(c.series[s]), short_number(value),
          escaped(c.unit), kNames + width + 4, at + 8, short_number(value));
    }
  }
  return out + "</svg>";
}

}  // namespace pith::apps
