// ResNet-18 for 224 x 224 images, with torchvision's parameter names.
#include "autograd/ops/shape.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/models/basic_block.h"
#include "nn/models/families.h"

namespace pith::nn {
namespace {

class ResNet18 : public Module, public Staged {
 public:
  explicit ResNet18(const Blueprint& b) {
    stem_.conv = &add_module("conv1", std::make_unique<Conv2d>(b.input[0], 64, square(7, 2)));
    stem_.norm = &add_module("bn1", std::make_unique<BatchNorm2d>(64));
    stem_.relu = &add_module("relu", std::make_unique<ReLU>());
    max_pool_ =
        &add_module("maxpool", std::make_unique<MaxPool2d>(PoolOptions{.kernel = 3, .stride = 2, .padding = 1}));
    columns_[0] = &add_module("layer1", make_column<BasicBlock>(2, {64, 64, 1}));
    columns_[1] = &add_module("layer2", make_column<BasicBlock>(2, {64, 128, 2}));
    columns_[2] = &add_module("layer3", make_column<BasicBlock>(2, {128, 256, 2}));
    columns_[3] = &add_module("layer4", make_column<BasicBlock>(2, {256, 512, 2}));
    pool_ = &add_module("avgpool", std::make_unique<GlobalAvgPool>());
    fc_ = &add_module("fc", std::make_unique<Linear>(512, b.classes));
  }
  std::string_view type() const override { return "ResNet"; }
  std::vector<Stage> stages() const override { return {stem_}; }

 protected:
  Variable forward(const Variable& x) override {
    Variable y = max_pool_->call(run_stage(stem_, x));
    for (Sequential* const column : columns_) y = column->call(y);
    return fc_->call(flatten(pool_->call(y)));
  }

 private:
  Stage stem_;
  MaxPool2d* max_pool_;
  Sequential* columns_[4];
  GlobalAvgPool* pool_;
  Linear* fc_;
};

}  // namespace

std::unique_ptr<Module> make_resnet18(const Blueprint& b) { return std::make_unique<ResNet18>(b); }

}  // namespace pith::nn
