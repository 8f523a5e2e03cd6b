// Rows of a CSV file of numbers as JSON objects.
#pragma once

#include <string>
#include <string_view>

#include "apps/report.h"

namespace pith::apps {

/// One object a row, named by the header's cells; a cell that is no number is null.
Json csv_rows_json(const std::string& header, std::string_view rows);

}  // namespace pith::apps
