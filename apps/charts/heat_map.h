// A table of numbers as shades: the higher, the darker.
#pragma once

#include <string>
#include <vector>

namespace pith::apps {

struct HeatMap {
  std::string title, description;
  std::vector<std::string> rows = {}, columns = {};
  std::vector<std::vector<double>> values = {};  ///< [row][column]; what is not finite is left empty
  double full = 1;                               ///< the value of the darkest shade; shades begin at 0
  int decimals = 1;                              ///< of the number in a cell
};

std::string heat_map(const HeatMap& map);

}  // namespace pith::apps
