// A stage: convolution, then what follows it: batch norm, a residual sum, ReLU. The one place that decides what runs
// fused.
//
// With a tap installed every layer runs alone, so that the tap sees each output; the values agree up to rounding.
#pragma once

#include <vector>

#include "nn/layers/activation.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/join.h"

namespace pith::nn {

/// Layers of a stage, each owned by some Module; null where there is none. At least one is there.
struct Stage {
  Conv2d* conv = nullptr;
  BatchNorm2d* norm = nullptr;
  EltwiseAdd* add = nullptr;
  ReLU* relu = nullptr;
};

/// A module that runs some of its children as stages; folding asks for them.
class Staged {
 public:
  virtual ~Staged() = default;
  virtual std::vector<Stage> stages() const = 0;
};

/// relu(norm(conv(x)) + residual). residual: defined if and only if stage.add is there.
Variable run_stage(const Stage& stage, const Variable& x, const Variable& residual = {});

}  // namespace pith::nn
