// Tied groups: weights whose filters (or input channels) can be taken out of a network only together, because a
// residual sum or a depthwise convolution makes them one channel, or because several layers read it. Found from the
// graph; Distiller's schedules list them by hand.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compress/groups.h"
#include "compress/thinning/channels.h"

namespace pith::compress {

/// Weights and the units that a mask keeps or prunes in all of them.
struct TiedGroup {
  std::vector<size_t> members = {};  ///< places in the list of weights, rising
  /// Per member: the unit of each of its filters or channels. Behind a concatenation a member may have some units of
  /// the group only; a channel that was flattened has several places of one unit.
  std::vector<std::vector<int64_t>> unit_of = {};
  int64_t units = 0;
};

/// A weight tied to nothing: each of its `count` groups is a unit.
TiedGroup untied(size_t member, int64_t count);

/// The weights, split into groups that share a channel, in the order of their first members. type: filter (what the
/// weights make) or channel (what they read). Throws ArgumentError for another type, for a weight whose filters or
/// channels the graph does not know, and where a weight that is tied to one of the list is not on it.
std::vector<TiedGroup> tied_groups(const ChannelMap& map, std::span<const std::string> weights, GroupType type);

}  // namespace pith::compress
