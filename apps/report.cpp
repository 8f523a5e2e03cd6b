#include "apps/report.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "apps/csv_rows.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line + ",");
  for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
  return cells;
}

/// A row an object, named by the header; a cell that is no number is null.
Json json_rows(const std::string& header, std::istream& file) {
  const std::vector<std::string> names = cells_of(header);
  Json rows = Json::array();
  std::string line;
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = cells_of(line);
    Json row;
    for (size_t i = 0; i < names.size() && i < cells.size(); ++i) row[names[i]] = Json::parse(cells[i], nullptr, false);
    for (auto& value : row) {
      if (value.is_discarded()) value = nullptr;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

Json to_json(const Score& s) {
  return {{"correct", s.correct}, {"total", s.seen}, {"top1", s.top1()}, {"top5", s.top5()}, {"loss", s.loss()}};
}

Json to_json(const Evaluation& e) {
  Json json = to_json(e.score);
  json["seconds"] = e.seconds;
  json["images_per_second"] = e.images_per_second();
  return json;
}

Json confusion_json(const Evaluation& e) {
  Json rows = Json::array();
  for (int64_t label = 0; label < e.classes; ++label) {
    const auto row = e.confusion.begin() + label * e.classes;
    rows.push_back(std::vector<int64_t>(row, row + e.classes));
  }
  return rows;
}

std::string text(const Score& s) {
  return fmt::format("{} of {} correct  top1 {:.2f}  top5 {:.2f}  loss {:.4f}", s.correct, s.seen, s.top1(), s.top5(),
                     s.loss());
}

Json csv_json(const std::string& path) {
  std::ifstream file(path);
  std::string header;
  if (!std::getline(file, header)) throw IoError(path + ": cannot read its first line");
  return json_rows(header, file);
}

Json csv_rows_json(const std::string& header, std::string_view rows) {
  std::istringstream stream{std::string(rows)};
  return json_rows(header, stream);
}

}  // namespace pith::apps
