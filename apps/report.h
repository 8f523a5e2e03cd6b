// Results as JSON: one document a command.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/evaluate.h"

namespace pith::apps {

using Json = nlohmann::ordered_json;

/// {"correct", "total", "top1", "top5", "loss"}; with times also {"seconds", "images_per_second"}.
Json to_json(const Score& score);
Json to_json(const Evaluation& evaluation);
/// Rows of `classes`.
Json confusion_json(const Evaluation& evaluation);

/// "9171 of 10000 correct  top1 91.71  top5 99.76  loss 0.3561".
std::string text(const Score& score);

/// A CSV file of numbers as an array of objects, one a row; empty cells are null. Throws IoError.
Json csv_json(const std::string& path);

}  // namespace pith::apps
