// The one door to yaml-cpp: text to a tree and back. Hostile files are refused by a sentence: too long, too deep, too
// many nodes (a document of aliases of aliases), keys that are no words or stand twice, tags.
#pragma once

#include <string>

#include "compress/schedule/yaml_node.h"

namespace pith::compress {

/// The document in a file. Throws IoError (cannot read) or FormatError ("FILE:LINE: ...").
YamlNode read_yaml(const std::string& path);
/// The same from text; `path` is for messages.
YamlNode parse_yaml(const std::string& text, const std::string& path);
/// As YAML text in block style, lists of plain values in one line.
std::string yaml_text(const YamlNode& node);

}  // namespace pith::compress
