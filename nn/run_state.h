// RunState <-> one JSON text, to the bit: fractions are written as texts in the shortest form that reads back the same.
#pragma once

#include <string>

#include "nn/checkpoint.h"

namespace pith::nn {

std::string to_json(const RunState& run);
/// Throws FormatError: `file`, what was expected, what was found.
RunState run_state_from(const std::string& json, const std::string& file);

}  // namespace pith::nn
