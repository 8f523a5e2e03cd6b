// Where the values of a network lie in one block of memory: those that live at the same time lie apart.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/integer_network.h"

namespace pith::apps {

struct MemoryPlan {
  std::vector<int64_t> offset;  ///< of each value, in bytes; what flattening gives lies where its input lies
  int64_t bytes = 0;
};

/// A byte an element, image by image; the last value, the logits, takes none. First fit, in the order of the layers.
MemoryPlan memory_plan(const nn::IntegerSpec& spec);

}  // namespace pith::apps
