// The schedule file: YAML in Distiller's schema, read strictly. README.md of this folder is its reference.
//
// Everything that can be wrong without a model is refused here, before anything is trained: FormatError "FILE:LINE: one
// sentence". What needs the model (names that match nothing) is refused by the Scheduler's constructor.
#pragma once

#include <string>

#include "compress/schedule/schedule.h"
#include "compress/schedule/yaml_node.h"

namespace pith::compress {

/// Throws IoError or FormatError.
Schedule read_schedule(const std::string& path);
/// The same from text; `path` is for messages.
Schedule parse_schedule(const std::string& text, const std::string& path);
/// The same from a tree.
Schedule schedule_from(const YamlNode& document, const std::string& path);

/// A file written for Distiller, as one of ours: names lose "module.", a ranked pruner's Rows become Cols (Distiller's
/// rows there are stored columns). Throws FormatError with FILE:LINE for what we do not have.
std::string from_distiller(const std::string& text, const std::string& path);

}  // namespace pith::compress
