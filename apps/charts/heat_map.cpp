#include "apps/charts/heat_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/charts/markup.h"

namespace pith::apps {

std::string heat_map(const HeatMap& m) {
  constexpr double kWidth = 720, kNames = 170, kCell = 20, kTop = 22;
  const double width = (kWidth - kNames - 4) / std::max<double>(1, static_cast<double>(m.columns.size()));
  const bool numbers = width >= 24;
  std::string out = fmt::format(
      "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">"
      "<title>{}</title><desc>{}</desc>",
      kWidth, kTop + kCell * static_cast<double>(m.rows.size()) + 6, escaped(m.title + ". " + m.description),
      escaped(m.title), escaped(m.description));
  for (size_t c = 0; c < m.columns.size(); ++c) {
    out += fmt::format("<text class=\"faint\" font-size=\"10\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"15\">{}</text>",
                       kNames + (static_cast<double>(c) + 0.5) * width, escaped(m.columns[c]));
  }
  for (size_t r = 0; r < m.rows.size(); ++r) {
    const double y = kTop + kCell * static_cast<double>(r);
    out += fmt::format("<text font-size=\"11\" text-anchor=\"end\" x=\"{}\" y=\"{:.1f}\">{}</text>", kNames - 6, y + 14,
                       escaped(shortened(m.rows[r], 26)));
    for (size_t c = 0; c < m.columns.size() && c < m.values[r].size(); ++c) {
      const double x = kNames + static_cast<double>(c) * width, value = m.values[r][c];
      if (!std::isfinite(value)) continue;
      const double shade = std::clamp(value / m.full, 0.0, 1.0);
      const std::string number = fmt::format("{:.{}f}", value, m.decimals);
      out += fmt::format(
          "<rect class=\"cell\" fill-opacity=\"{:.2f}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
          "height=\"{}\"><title>{}"
          ", {}: {}</title></rect>",
          0.55 * shade, x, y, width, kCell, escaped(m.rows[r]), escaped(m.columns[c]), number);
      if (numbers)
        out += fmt::format("<text font-size=\"9\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
                           x + width / 2, y + 13.5, number);
    }
  }
  return out + "</svg>";
}

}  // namespace pith::apps
