#include "apps/run_report/sensitivity_study.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <sstream>

#include "tensor/atomic_file.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr size_t kLimit = size_t{1} << 26;

struct Row {
  std::string weight;
  double level = 0, top1 = 0;
};

double number_of(const std::string& cell, const std::string& place) {
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size() || !std::isfinite(value))
    throw FormatError(place + ": expected a number, found \"" + cell + "\"");
  return value;
}

/// The last four cells are numbers; whatever stands before them is the name.
Row row_of(const std::string& line, const std::string& place) {
  std::vector<std::string> cells;
  std::string rest = line;
  for (int i = 0; i < 4; ++i) {
    const size_t comma = rest.rfind(',');
    if (comma == std::string::npos) throw FormatError(place + ": expected 5 cells, found fewer");
    cells.push_back(rest.substr(comma + 1));
    rest.resize(comma);
  }
  return {rest, number_of(cells[3], place), number_of(cells[2], place)};
}

}  // namespace

std::shared_ptr<const SensitivityStudy> read_sensitivity(const std::string& path) {
  const auto bytes = read_file(path, kLimit);
  std::string words(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  words.erase(words.find_last_of('\n') + 1);
  std::istringstream lines(words);
  std::string line;
  if (!std::getline(lines, line) || line != "parameter,sparsity,top1,top5,loss")
    throw FormatError(path + ":1: expected parameter,sparsity,top1,top5,loss as `pith sense` writes");
  auto study = std::make_shared<SensitivityStudy>();
  std::vector<Row> rows;
  for (int64_t number = 2; std::getline(lines, line); ++number)
    rows.push_back(row_of(line, path + ":" + std::to_string(number)));
  if (rows.empty()) throw FormatError(path + ": expected a row a weight and level, found none");
  std::map<std::string, size_t> places;
  for (const Row& r : rows) {
    if (places.emplace(r.weight, study->weights.size()).second) study->weights.push_back(r.weight);
    study->levels.push_back(r.level);
  }
  std::sort(study->levels.begin(), study->levels.end());
  study->levels.erase(std::unique(study->levels.begin(), study->levels.end()), study->levels.end());
  study->top1.assign(study->weights.size(),
                     std::vector<double>(study->levels.size(), std::numeric_limits<double>::quiet_NaN()));
  for (const Row& r : rows) {
    const auto level = std::lower_bound(study->levels.begin(), study->levels.end(), r.level) - study->levels.begin();
    study->top1[places[r.weight]][static_cast<size_t>(level)] = r.top1;
  }
  return study;
}

}  // namespace pith::apps
