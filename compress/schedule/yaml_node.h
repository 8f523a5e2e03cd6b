// A YAML document as a tree that knows its lines: what a schedule is read from. Plain values; the parser that fills it
// is behind yaml_file.h.
#pragma once

#include <string>
#include <vector>

namespace pith::compress {

struct YamlNode {
  enum class Kind : uint8_t { null, scalar, list, map };
  Kind kind = Kind::null;
  int line = 0;        ///< 1-based
  std::string scalar;  ///< of a scalar, as written
  bool quoted = false;
  std::vector<YamlNode> items;  ///< of a list; the values of a map
  std::vector<std::string> keys;
  std::vector<int> key_lines;

  /// "nothing", "a value", "a list", "a mapping".
  std::string kind_name() const;
  /// The value under a key of a map; null where there is none.
  const YamlNode* find(const std::string& key) const;
  YamlNode* find(const std::string& key);
};

}  // namespace pith::compress
