#include "apps/exports/memory_plan.h"

#include <algorithm>

namespace pith::apps {
namespace {

/// A stretch of memory, and the last layer that reads it.
struct Block {
  int64_t value, begin, end, last_reader;
};

bool passes_on(const nn::IntegerSpec& spec, int64_t value) {
  return value > 0 && spec.layers[static_cast<size_t>(value - 1)].shape.kind == nn::LayerKind::flatten;
}

int64_t bytes_of(const nn::IntegerSpec& spec, int64_t value) {
  return value == 0 ? spec.input.numel() : spec.layers[static_cast<size_t>(value - 1)].shape.output.numel();
}

/// The value whose bytes a value has: its own, or those of what flattening only passes on.
std::vector<int64_t> owners(const nn::IntegerSpec& spec) {
  std::vector<int64_t> owner{0};
  for (int64_t v = 1; v <= std::ssize(spec.layers); ++v)
    owner.push_back(passes_on(spec, v) ? owner[static_cast<size_t>(spec.layers[static_cast<size_t>(v - 1)].shape.input)]
                                       : v);
  return owner;
}

std::vector<int64_t> last_readers(const nn::IntegerSpec& spec, const std::vector<int64_t>& owner) {
  std::vector<int64_t> last(owner.size(), -1);
  for (size_t i = 0; i < spec.layers.size(); ++i)
    for (const int64_t read : {spec.layers[i].shape.input, spec.layers[i].shape.residual})
      if (read >= 0) last[static_cast<size_t>(owner[static_cast<size_t>(read)])] = static_cast<int64_t>(i);
  return last;
}

/// The first gap among the blocks that are alive.
int64_t first_fit(std::vector<Block> alive, int64_t bytes) {
  std::sort(alive.begin(), alive.end(), [](const Block& a, const Block& b) { return a.begin < b.begin; });
  int64_t at = 0;
  for (const Block& b : alive) {
    if (b.begin - at >= bytes) break;
    at = std::max(at, b.end);
  }
  return at;
}

}  // namespace

MemoryPlan memory_plan(const nn::IntegerSpec& spec) {
  const std::vector<int64_t> owner = owners(spec), last = last_readers(spec, owner);
  MemoryPlan plan{std::vector<int64_t>(owner.size(), 0), 0};
  std::vector<Block> alive;
  for (int64_t v = 0; v < std::ssize(spec.layers); ++v) {
    const size_t i = static_cast<size_t>(v);
    if (owner[i] != v) {
      plan.offset[i] = plan.offset[static_cast<size_t>(owner[i])];
      continue;
    }
    std::erase_if(alive, [&](const Block& b) { return b.last_reader < v - 1; });  // layer v - 1 makes value v
    const int64_t bytes = bytes_of(spec, v), at = first_fit(alive, bytes);
    alive.push_back({v, at, at + bytes, last[i]});
    plan.offset[i] = at;
    plan.bytes = std::max(plan.bytes, at + bytes);
  }
  return plan;
}

}  // namespace pith::apps
