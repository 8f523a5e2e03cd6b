// Horizontal bars with names.
#pragma once

#include <string>
#include <vector>

namespace pith::apps {

struct Bar {
  std::string name;
  double value = 0;        ///< not negative; what is not finite is drawn as nothing
  std::string words = {};  ///< behind the bar; "": the value
};

struct BarChart {
  std::string title, description;
  std::vector<Bar> bars = {};
  double full = 0;  ///< the value of the longest bar possible; 0: the greatest there is
};

/// Several values a row, one colour a series.
struct GroupedBars {
  std::string title, description, unit;
  std::vector<std::string> series = {};
  std::vector<std::string> rows = {};
  std::vector<std::vector<double>> values = {};  ///< [row][series], not negative; not finite: there is none
};
/// 720 units wide, with a legend above the rows.
std::string grouped_bars(const GroupedBars& chart);

/// `<svg class="chart" ...>`, 720 units wide, 22 high a bar.
std::string bar_chart(const BarChart& chart);

}  // namespace pith::apps
