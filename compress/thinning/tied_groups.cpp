#include "compress/thinning/tied_groups.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "tensor/error.h"

namespace pith::compress {
namespace {

/// The channels of one weight, by root.
struct Wired {
  std::string weight;
  std::vector<int64_t> roots;
};

/// Every weight that makes channels (axis 0), or reads them (axis 1).
std::vector<Wired> wired(const ChannelMap& map, int axis) {
  std::vector<Wired> all;
  for (const Binding& b : map.bindings()) {
    if (b.axis != axis || (axis == 0 && b.maker.empty())) continue;
    Wired w{b.tensor, {}};
    for (const int64_t id : b.ids) w.roots.push_back(map.root(id));
    all.push_back(std::move(w));
  }
  return all;
}

/// The first listed weight that uses each channel.
std::map<int64_t, size_t> owners(const std::vector<Wired>& listed) {
  std::map<int64_t, size_t> first;
  for (size_t i = 0; i < listed.size(); ++i)
    for (const int64_t root : listed[i].roots) first.emplace(root, i);
  return first;
}

void check_complete(const std::vector<Wired>& all, const std::vector<Wired>& listed,
                    const std::map<int64_t, size_t>& owner, const std::string& what) {
  for (const Wired& w : all) {
    if (std::any_of(listed.begin(), listed.end(), [&](const Wired& l) { return l.weight == w.weight; })) continue;
    for (const int64_t root : w.roots)
      if (const auto found = owner.find(root); found != owner.end())
        throw ArgumentError("the network ties the " + what + " of " + listed[found->second].weight + " to those of " +
                            w.weight + ", which is not among the weights; they can go only together");
  }
}

/// Per listed weight: the first weight of its group.
std::vector<size_t> leaders(const std::vector<Wired>& listed, const std::map<int64_t, size_t>& owner) {
  std::vector<size_t> leader(listed.size());
  std::iota(leader.begin(), leader.end(), size_t{0});
  for (size_t i = 0; i < listed.size(); ++i)
    for (const int64_t root : listed[i].roots) {
      const size_t a = leader[owner.at(root)], b = leader[i];
      for (size_t& l : leader)
        if (l == a || l == b) l = std::min(a, b);
    }
  return leader;
}

}  // namespace

TiedGroup untied(size_t member, int64_t count) {
  TiedGroup group{{member}, {std::vector<int64_t>(static_cast<size_t>(count))}, count};
  std::iota(group.unit_of[0].begin(), group.unit_of[0].end(), int64_t{0});
  return group;
}

std::vector<TiedGroup> tied_groups(const ChannelMap& map, std::span<const std::string> weights, GroupType type) {
  if (type != GroupType::filter && type != GroupType::channel)
    throw ArgumentError("the graph ties filters and channels, no other groups");
  const std::string what = type == GroupType::filter ? "filters" : "channels";
  const std::vector<Wired> all = wired(map, type == GroupType::filter ? 0 : 1);
  std::vector<Wired> listed;
  for (const std::string& weight : weights) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Wired& w) { return w.weight == weight; });
    if (found == all.end())
      throw ArgumentError("the network's graph does not tell which channels the " + what + " of " + weight + " are");
    listed.push_back(*found);
  }
  const std::map<int64_t, size_t> owner = owners(listed);
  check_complete(all, listed, owner, what);
  const std::vector<size_t> leader = leaders(listed, owner);

  std::vector<TiedGroup> groups;
  for (size_t first = 0; first < listed.size(); ++first) {
    if (leader[first] != first) continue;
    TiedGroup group;
    std::map<int64_t, int64_t> unit;
    for (size_t i = first; i < listed.size(); ++i) {
      if (leader[i] != first) continue;
      group.members.push_back(i);
      std::vector<int64_t>& units = group.unit_of.emplace_back();
      for (const int64_t root : listed[i].roots) units.push_back(unit.emplace(root, std::ssize(unit)).first->second);
    }
    group.units = std::ssize(unit);
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace pith::compress
