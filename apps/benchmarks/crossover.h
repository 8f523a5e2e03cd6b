// Where each format begins to win over dense f32: the rows crossover/... of the benchmarks as a table, its file, its
// picture and the break-even of every format.
#pragma once

#include <string>
#include <vector>

#include "apps/report.h"
#include "apps/summaries/table.h"

namespace pith::apps {

/// One format at one sparsity beside dense f32, which took turns with it.
struct CrossoverPoint {
  std::string shape;  ///< "stage1", "512x512"
  int64_t batch = 1;
  std::string format;
  double sparsity = 0;    ///< percent
  double us = 0;          ///< median of a call, microseconds
  double ratio = 0;       ///< dense f32's time over this one's, of the medians
  double best_ratio = 0;  ///< of the best rounds
};

/// From Google Benchmark's document. Throws IoError where a row failed.
std::vector<CrossoverPoint> crossover_points(const Json& document);

/// crossover.csv, and back. Throws FormatError naming `where` and the line.
std::string crossover_csv(const std::vector<CrossoverPoint>& points);
std::vector<CrossoverPoint> parse_crossover_csv(const std::string& text, const std::string& where);

/// What a format needs to beat dense f32.
struct BreakEven {
  std::string shape;
  int64_t batch = 1;
  std::string format, wins;     ///< "from 38 %", "always", "never", "at 50 %" of a format of one sparsity
  double level = 0;             ///< percent; 0: always, 100: never
  double lowest = 0, best = 0;  ///< times dense f32: at the lowest and at the best measured sparsity
};
/// Levels between two measured ones by interpolation of the medians; above the last measured level at which it lost.
std::vector<BreakEven> break_even(const std::vector<CrossoverPoint>& points);
Table break_even_table(const std::vector<BreakEven>& all);

/// SVG: a panel a shape and batch, times dense f32 by sparsity.
std::string crossover_chart(const std::vector<CrossoverPoint>& points, const std::string& machine);

}  // namespace pith::apps
