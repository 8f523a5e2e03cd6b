// Element-wise activations. x: f32 or f64, any shape, either order of memory.
#pragma once

#include <cstdint>

#include "autograd/variable.h"

namespace pith {

/// max(x, 0). The gradient at exactly 0 is 0.
Variable relu(const Variable& x);
/// min(max(x, 0), limit): ReLU6 is limit = 6. The gradient is 1 inside (0, limit), else 0. limit > 0.
Variable clipped_relu(const Variable& x, double limit);
/// PACT (Choi et al. 2018): min(max(x, 0), alpha) with a learned limit alpha: [1]. dy/dalpha = 1 where x >= alpha.
Variable pact(const Variable& x, const Variable& alpha);
/// x where x > 0, slope * x elsewhere.
Variable leaky_relu(const Variable& x, double slope);
/// 1 / (1 + e^-x).
Variable sigmoid(const Variable& x);
Variable tanh(const Variable& x);
/// Zero with probability p, the rest times 1 / (1 - p). p in [0, 1). The mask is a function of (seed, step, layer), the
/// same at any thread count and in either order of memory.
struct DropoutKey {
  uint64_t seed = 0;
  uint32_t epoch = 0;
  uint64_t item = 0;
};
Variable dropout(const Variable& x, double p, const DropoutKey& key);

}  // namespace pith
