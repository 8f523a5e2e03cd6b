#include "apps/report.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "tensor/error.h"

namespace pith::apps {
namespace {

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line + ",");
  for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
  return cells;
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
  std::string line;
  if (!std::getline(file, line)) throw IoError(path + ": cannot read its first line");
  const std::vector<std::string> names = cells_of(line);
  Json rows = Json::array();
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

}  // namespace pith::apps
