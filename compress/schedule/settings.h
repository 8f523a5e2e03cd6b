// Settings that several methods share, read from the fields of a file.
#pragma once

#include <string>
#include <vector>

#include "compress/groups.h"
#include "compress/pruners/erdos_renyi.h"
#include "compress/ranking.h"
#include "compress/schedule/fields.h"
#include "compress/schedule/method.h"
#include "compress/statistics.h"

namespace pith::compress {

/// How much: a level that moves from first to last while the policy is in force.
struct LevelSetting {
  Curve curve = Curve::constant;
  double first = 0, last = 0;
  double at(const Moment& m) const { return level_at(curve, first, last, m.way); }

  /// desired_sparsity, or initial_sparsity and final_sparsity with an optional curve (cubic unless given). `gradual`:
  /// only the second will do.
  static LevelSetting from(Fields& fields, bool gradual);
};

/// By what: the groups of a weight.
struct GroupSetting {
  GroupType type = GroupType::element;
  int64_t filters = 0, channels = 0;        ///< of a block, for Blocks
  int64_t tile_rows = 0, tile_columns = 0;  ///< for Tiles
  Groups of(const Shape& shape) const;

  /// group_type, with kwargs {block_shape: [repetitions, depth, 1, 1]} for Blocks or {tile: [rows, columns]} for Tiles.
  static GroupSetting from(Fields& fields);
};

/// rounding_fn, group_size and noise of the ranked structures.
RankOptions rank_options_from(Fields& fields);
/// The noise's key for one call.
RankOptions at(RankOptions options, const Moment& moment, size_t parameter);

/// The key of everything random that a method does to a parameter at a moment.
RandomKey mask_key(const Moment& moment, size_t parameter);

/// weights: a list of names, globs or expressions. Two that are the same are refused.
std::vector<Selector> selectors_from(Fields& fields, const std::string& key);

/// key: {selector: value}: a table of settings by parameter, in the order of the file.
struct Table {
  std::vector<Selector> selectors;
  std::vector<const YamlNode*> values;
};
Table table_from(Fields& fields, const std::string& key);

/// allocation: uniform, erdos-renyi or erdos-renyi-kernel; the last unless given.
Allocation allocation_from(Fields& fields);

/// Max, Mean_Abs (or Mean_L1), L1, Mean_L2, L2.
Norm norm_from(Fields& fields, const std::string& key);

}  // namespace pith::compress
