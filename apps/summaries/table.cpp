#include "apps/summaries/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace pith::apps {
namespace {

bool is_number(const Json& cell) { return cell.is_number(); }

std::string shown(const Json& cell) {
  if (cell.is_null()) return "";
  if (cell.is_string()) return visible(cell.get<std::string>());
  if (cell.is_number_float()) return fmt::format("{:.5f}", cell.get<double>());
  return cell.dump();
}

std::string csv_cell(const Json& cell) {
  if (cell.is_number_float()) return fmt::format("{:.9g}", cell.get<double>());
  const std::string words = shown(cell);
  if (words.find_first_of(",\"\n") == std::string::npos) return words;
  std::string out(1, '"');
  for (const char c : words) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
  return out;
}

std::string csv_line(const std::vector<Json>& cells) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += ',';
    line += csv_cell(cells[i]);
  }
  line += '\n';
  return line;
}

Json named(const Table& t, const std::vector<Json>& cells) {
  Json row = Json::object();
  for (size_t i = 0; i < cells.size(); ++i) row[t.columns[i]] = cells[i];
  return row;
}

/// Rows and total.
std::vector<std::vector<Json>> lines_of(const Table& t) {
  std::vector<std::vector<Json>> all = t.rows;
  if (!t.total.empty()) all.push_back(t.total);
  return all;
}

}  // namespace

std::string visible(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 32 && byte < 127) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
  }
  return out;
}

std::string text(const Table& t) {
  const auto lines = lines_of(t);
  std::vector<size_t> width;
  for (const std::string& c : t.columns) width.push_back(c.size());
  for (const auto& line : lines)
    for (size_t i = 0; i < line.size(); ++i) width[i] = std::max(width[i], shown(line[i]).size());
  std::string out;
  const auto add = [&](size_t i, const std::string& words, bool right) {
    out += (i == 0 ? "" : "  ") +
           (right ? fmt::format("{:>{}}", words, width[i]) : fmt::format("{:<{}}", words, width[i]));
  };
  const auto end_line = [&] {
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  };
  for (size_t i = 0; i < t.columns.size(); ++i) add(i, t.columns[i], !t.rows.empty() && is_number(t.rows[0][i]));
  end_line();
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) add(i, shown(line[i]), is_number(line[i]));
    end_line();
  }
  out.pop_back();
  return out;
}

std::string csv(const Table& t) {
  std::string out = csv_line({t.columns.begin(), t.columns.end()});
  for (const auto& line : lines_of(t)) out += csv_line(line);
  return out;
}

Json to_json(const Table& t) {
  Json rows = Json::array();
  for (const auto& row : t.rows) rows.push_back(named(t, row));
  Json json{{"rows", std::move(rows)}};
  if (!t.total.empty()) json["total"] = named(t, t.total);
  return json;
}

}  // namespace pith::apps
