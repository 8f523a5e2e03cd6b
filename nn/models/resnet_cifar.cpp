// ResNet-20/32/44/56 and Plain-20 for 32 x 32 images, named as Distiller has them.
#include "autograd/ops/shape.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/models/basic_block.h"
#include "nn/models/families.h"

namespace pith::nn {
namespace {

/// conv1, bn1, relu, three columns of blocks of 16, 32, 64 channels, average pool, fc.
class ResNetCifar : public Module, public Staged {
 public:
  ResNetCifar(const Blueprint& b, int64_t blocks, BasicBlock::Shortcut shortcut) {
    stem_.conv = &add_module("conv1", std::make_unique<Conv2d>(b.input[0], 16, square(3)));
    stem_.norm = &add_module("bn1", std::make_unique<BatchNorm2d>(16));
    stem_.relu = &add_module("relu", std::make_unique<ReLU>());
    columns_[0] = &add_module("layer1", make_column<BasicBlock>(blocks, {16, 16, 1}, shortcut));
    columns_[1] = &add_module("layer2", make_column<BasicBlock>(blocks, {16, 32, 2}, shortcut));
    columns_[2] = &add_module("layer3", make_column<BasicBlock>(blocks, {32, 64, 2}, shortcut));
    pool_ = &add_module("avgpool", std::make_unique<GlobalAvgPool>("AvgPool2d"));
    fc_ = &add_module("fc", std::make_unique<Linear>(64, b.classes));
  }
  std::string_view type() const override { return "ResNetCifar"; }
  std::vector<Stage> stages() const override { return {stem_}; }

 protected:
  Variable forward(const Variable& x) override {
    Variable y = run_stage(stem_, x);
    for (Sequential* const column : columns_) y = column->call(y);
    return fc_->call(flatten(pool_->call(y)));
  }

 private:
  Stage stem_;
  Sequential* columns_[3];
  GlobalAvgPool* pool_;
  Linear* fc_;
};

}  // namespace

std::unique_ptr<Module> make_resnet_cifar(const Blueprint& b, int64_t blocks) {
  return std::make_unique<ResNetCifar>(b, blocks, BasicBlock::Shortcut::residual);
}

std::unique_ptr<Module> make_plain_cifar(const Blueprint& b, int64_t blocks) {
  return std::make_unique<ResNetCifar>(b, blocks, BasicBlock::Shortcut::none);
}

}  // namespace pith::nn
