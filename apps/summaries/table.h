// Table: columns and cells of a summary, and its three forms: aligned text, CSV, JSON.
#pragma once

#include <string>
#include <vector>

#include "apps/report.h"

namespace pith::apps {

/// A cell is a string, a whole number, a double, or null (nothing is known).
struct Table {
  std::string title;
  std::vector<std::string> columns = {};
  std::vector<std::vector<Json>> rows = {};  ///< as many cells as columns
  std::vector<Json> total = {};              ///< the last line of text and CSV; may be empty
};

/// Aligned: words to the left, numbers to the right; doubles with 5 decimals, as Distiller prints them. Names are made
/// safe for a terminal.
std::string text(const Table& table);
/// RFC 4180 with a header; doubles with 9 significant digits.
std::string csv(const Table& table);
/// {"rows": [{column: cell}], "total": {column: cell}}.
Json to_json(const Table& table);

/// `name` with control characters and bytes that are no ASCII as \xHH: for terminals, logs and CSV.
std::string visible(std::string_view name);

}  // namespace pith::apps
