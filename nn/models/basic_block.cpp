#include "nn/models/basic_block.h"

namespace pith::nn {

BasicBlock::BasicBlock(const Widths& s, Shortcut shortcut) {
  first_.conv = &add_module("conv1", std::make_unique<Conv2d>(s.in, s.out, square(3, s.stride)));
  first_.norm = &add_module("bn1", std::make_unique<BatchNorm2d>(s.out));
  first_.relu = &add_module("relu1", std::make_unique<ReLU>());
  second_.conv = &add_module("conv2", std::make_unique<Conv2d>(s.out, s.out, square(3)));
  second_.norm = &add_module("bn2", std::make_unique<BatchNorm2d>(s.out));
  second_.relu = &add_module("relu2", std::make_unique<ReLU>());
  if (shortcut == Shortcut::none) return;
  if (s.stride != 1 || s.in != s.out) {
    downsample_ = &add_module("downsample", std::make_unique<Sequential>());
    downsample_->add(std::make_unique<Conv2d>(s.in, s.out, square(1, s.stride)));
    downsample_->add(std::make_unique<BatchNorm2d>(s.out));
  }
  second_.add = &add_module("residual_eltwiseadd", std::make_unique<EltwiseAdd>());
}

Variable BasicBlock::forward(const Variable& x) {
  const Variable y = run_stage(first_, x);
  if (second_.add == nullptr) return run_stage(second_, y);
  return run_stage(second_, y, downsample_ != nullptr ? downsample_->call(x) : x);
}

}  // namespace pith::nn
