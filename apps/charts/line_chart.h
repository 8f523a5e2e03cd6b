// Curves, or points, over one or two vertical axes.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pith::apps {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points = {};  ///< x, y; points that are not finite are left out
  bool right = false;                                  ///< belongs to the right axis
  std::vector<std::string> labels = {};                ///< of the points, for tooltips; may be empty
};

struct LineChart {
  std::string title, description;
  std::string x_label = {}, left_label = {}, right_label = {};
  std::vector<Series> series = {};
  bool joined = true;                                 ///< curves with a legend; otherwise points with their names
  std::vector<std::pair<double, double>> front = {};  ///< a dashed staircase beside the points
  int height = 320;
};

/// The points that no other one beats in both: no smaller x has as great a y. By x.
std::vector<std::pair<double, double>> pareto_front(const std::vector<Series>& series);

/// `<svg class="chart" ...>`, 720 units wide.
std::string line_chart(const LineChart& chart);

}  // namespace pith::apps
