// Panels of curves or points over a logarithmic vertical axis: ratios, rates. All panels share their axes and colours.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pith::apps {

struct LogCurve {
  std::string name;  ///< curves of one name have one colour
  std::vector<std::pair<double, double>> points =
      {};  ///< x, y; what is not finite, or not above 0 where it must be, is left out
  bool joined = true;
  std::vector<std::string> labels = {};  ///< of the points, for tooltips; beside the points where they are not joined
};

struct LogPanel {
  std::string title;
  std::vector<LogCurve> curves = {};
};

struct LogChart {
  std::string title, description, x_label, y_label;
  std::vector<LogPanel> panels = {};
  int columns = 2;
  int panel_height = 220;
  bool log_x = false;
  double mark = 0;  ///< a dashed line at this y; 0: none
};

/// `<svg class="chart" ...>`, 720 units wide, with a legend below the panels.
std::string log_chart(const LogChart& chart);

}  // namespace pith::apps
