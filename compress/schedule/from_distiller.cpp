#include <cstdlib>
#include <string_view>

#include "compress/schedule/method_table.h"
#include "compress/schedule/schedule_file.h"
#include "compress/schedule/yaml_file.h"

namespace pith::compress {
namespace {

/// Names of parameters stand in lists and as keys; nothing else of a schedule begins so.
void drop_prefix(std::string& word) {
  constexpr std::string_view prefix = "module.";
  if (word.starts_with(prefix)) word.erase(0, prefix.size());
}

void drop_prefixes(YamlNode& node) {
  if (node.kind == YamlNode::Kind::scalar) drop_prefix(node.scalar);
  for (std::string& key : node.keys) drop_prefix(key);
  for (YamlNode& item : node.items) drop_prefixes(item);
}

/// A ranked pruner's Rows are rows of the transposed matrix: stored columns.
void turn_ranked_rows(YamlNode& document) {
  YamlNode* pruners = document.find("pruners");
  if (pruners == nullptr) return;
  for (YamlNode& pruner : pruners->items) {
    const YamlNode* name = pruner.find("class");
    YamlNode* group = pruner.find("group_type");
    if (name != nullptr && group != nullptr && ranks_structures(name->scalar) && group->scalar == "Rows")
      group->scalar = "Cols";
  }
}

/// Blocks [r, d, 1, 1] with a depth above 1 are r d consecutive channels there, whatever its comment says.
void turn_blocks(YamlNode& document) {
  YamlNode* pruners = document.find("pruners");
  if (pruners == nullptr) return;
  for (YamlNode& pruner : pruners->items) {
    YamlNode* kwargs = pruner.find("kwargs");
    YamlNode* shape = kwargs == nullptr ? nullptr : kwargs->find("block_shape");
    if (shape == nullptr || shape->items.size() != 4) continue;
    const int filters = std::atoi(shape->items[0].scalar.c_str()), depth = std::atoi(shape->items[1].scalar.c_str());
    if (filters < 2 || depth < 2 || filters > 1000 || depth > 1000) continue;
    shape->items[0].scalar = std::to_string(1);
    shape->items[1].scalar = std::to_string(filters * depth);
  }
}

}  // namespace

std::string from_distiller(const std::string& text, const std::string& path) {
  YamlNode document = parse_yaml(text, path);
  drop_prefixes(document);
  turn_ranked_rows(document);
  turn_blocks(document);
  schedule_from(document, path);  // refuses what we do not have, at the lines of the file
  return yaml_text(document);
}

}  // namespace pith::compress
