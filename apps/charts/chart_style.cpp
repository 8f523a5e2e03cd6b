#include "apps/charts/chart_style.h"

#include <fmt/format.h>

#include <array>

namespace pith::apps {
namespace {

// Told apart by people with red-green blindness, too (Okabe and Ito 2008), darkened or lightened for the ground.
constexpr std::array kLight{"#0072b2", "#c44e00", "#00795a", "#a0437f", "#8a6d00", "#2a8fc4", "#4d4d4d", "#b0303b"};
constexpr std::array kDark{"#5ab4e8", "#f28a3c", "#35c79b", "#dd8fbd", "#e0c240", "#9fd3f5", "#bdbdbd", "#f07f88"};

std::string variables(const std::array<const char*, 8>& colors, const char* ground) {
  std::string out = ground;
  for (size_t i = 0; i < colors.size(); ++i) out += fmt::format("--c{}:{};", i, colors[i]);
  return out;
}

}  // namespace

std::string chart_css() {
  const std::string light =
      variables(kLight, "--ground:#fff;--ink:#1b1f24;--faint:#5b6570;--rule:#d9dee4;--shade:#0072b2;");
  const std::string dark =
      variables(kDark, "--ground:#14171c;--ink:#e8eaed;--faint:#a3acb8;--rule:#353c46;--shade:#5ab4e8;");
  std::string out = fmt::format(":root{{{}}}@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}", light, dark);
  out +=
      "svg.chart{display:block;width:100%;height:auto;font:12px system-ui,sans-serif;background:var(--ground)}"
      "svg.chart text{fill:var(--ink)}svg.chart .faint{fill:var(--faint)}svg.chart .rule{stroke:var(--rule);fill:none}"
      "svg.chart .line{fill:none;stroke-width:2}svg.chart .cell{fill:var(--shade);stroke:var(--rule)}"
      "svg.chart .cut{fill:var(--c1);fill-opacity:.18}svg.chart .clip{stroke:var(--c1);stroke-width:1.5}"
      "svg.chart .frame{fill:none;stroke:var(--faint)}svg.chart "
      ".front{fill:none;stroke:var(--faint);stroke-dasharray:4 3}";
  for (int i = 0; i < 8; ++i) {
    out += fmt::format("svg.chart .s{0}{{stroke:var(--c{0})}}svg.chart .s{0}.fill{{fill:var(--c{0});stroke:none}}", i);
  }
  return out + "svg.chart .dashed{stroke-dasharray:6 3}svg.chart .dotted{stroke-dasharray:2 3}";
}

std::string series_class(size_t i) {
  const char* const stroke = i % 24 >= 16 ? " dotted" : i % 24 >= 8 ? " dashed" : "";
  return fmt::format("s{}{}", i % 8, stroke);
}

std::string standalone_svg(const std::string& chart) {
  std::string out = chart;
  const size_t end = out.find('>');
  out.insert(end + 1, fmt::format("<style>{}</style>", chart_css()));
  return fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", out);
}

}  // namespace pith::apps
