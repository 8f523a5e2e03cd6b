#include "nn/layers/sequential.h"

namespace pith::nn {

void Sequential::append(Module& module) {
  Stage* const open = steps_.empty() || steps_.back().module != nullptr ? nullptr : &steps_.back().stage;
  if (auto* const conv = dynamic_cast<Conv2d*>(&module)) {
    steps_.push_back({.stage = {.conv = conv}});
  } else if (auto* const norm = dynamic_cast<BatchNorm2d*>(&module)) {
    if (open != nullptr && open->norm == nullptr && open->relu == nullptr) {
      open->norm = norm;
    } else {
      steps_.push_back({.stage = {.norm = norm}});
    }
  } else if (auto* const relu = dynamic_cast<ReLU*>(&module);
             relu != nullptr && open != nullptr && open->relu == nullptr) {
    open->relu = relu;
  } else {
    steps_.push_back({.module = &module});
  }
}

std::vector<Stage> Sequential::stages() const {
  std::vector<Stage> all;
  for (const Step& step : steps_)
    if (step.module == nullptr) all.push_back(step.stage);
  return all;
}

Variable Sequential::forward(const Variable& x) {
  Variable y = x;
  for (const Step& step : steps_) y = step.module != nullptr ? step.module->call(y) : run_stage(step.stage, y);
  return y;
}

}  // namespace pith::nn
