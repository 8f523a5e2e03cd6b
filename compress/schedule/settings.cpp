#include "compress/schedule/settings.h"

#include "tensor/refusal.h"

namespace pith::compress {
namespace {

const std::vector<std::string> kCurves = {"constant", "linear", "cubic", "exponential", "cosine"};
const std::vector<std::string> kGroups = {"Elements", "Rows",     "Cols", "2D",     "Filters",
                                          "3D",       "Channels", "4D",   "Blocks", "Tiles"};
constexpr GroupType kTypes[] = {GroupType::element, GroupType::row,    GroupType::column,  GroupType::kernel,
                                GroupType::filter,  GroupType::filter, GroupType::channel, GroupType::layer,
                                GroupType::kernel,  GroupType::element};

Selector selector(const Fields& fields, const std::string& pattern, int line) {
  try {
    return Selector(pattern);
  } catch (const ArgumentError& e) {
    Place{fields.file(), line}.refuse(e.what());
  }
}

void check_new(const Fields& fields, const std::vector<Selector>& known, const std::string& pattern, int line) {
  for (const Selector& s : known)
    if (s.pattern() == pattern)
      Place{fields.file(), line}.refuse(fields.what() + " names " + printable(pattern) + " twice");
}

void read_block_shape(Fields& kwargs, GroupSetting& g) {
  const std::vector<int64_t> shape = kwargs.integers("block_shape", 1);
  if (shape.size() != 4 || shape[2] != 1 || shape[3] != 1)
    kwargs.refuse("block_shape", "must be [repetitions, depth, 1, 1]");
  g.filters = shape[0];
  g.channels = shape[1];
}

void read_tile(Fields& kwargs, GroupSetting& g) {
  const std::vector<int64_t> tile = kwargs.integers("tile", 1);
  if (tile.size() != 2) kwargs.refuse("tile", "must be [rows, columns]");
  g.tile_rows = tile[0];
  g.tile_columns = tile[1];
}

}  // namespace

LevelSetting LevelSetting::from(Fields& fields, bool gradual) {
  const bool moves = gradual || fields.has("initial_sparsity") || fields.has("final_sparsity");
  if (moves && fields.has("desired_sparsity"))
    fields.refuse("desired_sparsity", "excludes initial_sparsity and final_sparsity");
  LevelSetting level;
  if (!moves) {
    level.last = fields.share("desired_sparsity");
    return level;
  }
  level.first = fields.share("initial_sparsity");
  level.last = fields.share("final_sparsity");
  if (level.last < level.first) fields.refuse("final_sparsity", "is below initial_sparsity");
  level.curve = fields.has("curve") ? static_cast<Curve>(fields.choice("curve", kCurves)) : Curve::cubic;
  return level;
}

Groups GroupSetting::of(const Shape& shape) const {
  if (filters > 0) return Groups::blocks(shape, filters, channels);
  if (tile_rows > 0) return Groups::tiles(shape, tile_rows, tile_columns);
  return Groups(shape, type);
}

GroupSetting GroupSetting::from(Fields& fields) {
  const size_t chosen = fields.choice("group_type", kGroups);
  GroupSetting g{kTypes[chosen]};
  const bool blocks = kGroups[chosen] == "Blocks", tiles = kGroups[chosen] == "Tiles";
  if (!blocks && !tiles) {
    if (fields.find("kwargs") != nullptr) fields.refuse("kwargs", "belongs to group_type Blocks or Tiles");
    return g;
  }
  Fields kwargs(fields.node("kwargs"), fields.file(), fields.what() + ": kwargs");
  blocks ? read_block_shape(kwargs, g) : read_tile(kwargs, g);
  kwargs.finish();
  return g;
}

RankOptions rank_options_from(Fields& fields) {
  RankOptions options;
  options.multiple = fields.integer("group_size", 1, 1);
  if (fields.find("rounding_fn") != nullptr)
    options.rounding = fields.choice("rounding_fn", {"math.floor", "math.ceil", "floor", "ceil"}) % 2 == 0
                           ? RankOptions::Rounding::down
                           : RankOptions::Rounding::up;
  if (fields.find("noise") != nullptr) options.noise = fields.number_within("noise", 0, 1);
  return options;
}

RandomKey mask_key(const Moment& m, size_t parameter) {
  return {m.seed, Purpose::mask, static_cast<uint32_t>(parameter), m.step};
}

RankOptions at(RankOptions options, const Moment& moment, size_t parameter) {
  options.key = mask_key(moment, parameter);
  return options;
}

std::vector<Selector> selectors_from(Fields& fields, const std::string& key) {
  std::vector<Selector> out;
  const std::vector<std::string> patterns = fields.texts(key);
  for (size_t i = 0; i < patterns.size(); ++i) {
    const int line = fields.node(key).items[i].line;
    check_new(fields, out, patterns[i], line);
    out.push_back(selector(fields, patterns[i], line));
  }
  return out;
}

Table table_from(Fields& fields, const std::string& key) {
  const YamlNode& node = fields.node(key);
  if (node.kind != YamlNode::Kind::map || node.items.empty())
    fields.refuse(key, "must be a table {parameter: value}, here is " + node.kind_name());
  Table table;
  for (size_t i = 0; i < node.keys.size(); ++i) {
    table.selectors.push_back(selector(fields, node.keys[i], node.key_lines[i]));
    table.values.push_back(&node.items[i]);
  }
  return table;
}

Allocation allocation_from(Fields& fields) {
  if (fields.find("allocation") == nullptr) return Allocation::erdos_renyi_kernel;
  return static_cast<Allocation>(fields.choice("allocation", {"uniform", "erdos-renyi", "erdos-renyi-kernel"}));
}

Norm norm_from(Fields& fields, const std::string& key) {
  constexpr Norm norms[] = {Norm::largest, Norm::mean_l1, Norm::mean_l1, Norm::l1, Norm::mean_l2, Norm::l2};
  return norms[fields.choice(key, {"Max", "Mean_Abs", "Mean_L1", "L1", "Mean_L2", "L2"})];
}

}  // namespace pith::compress
