#include "apps/charts/bar_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/charts/axis.h"
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

}  // namespace pith::apps
