// ResNet-20/32/44/56 and Plain-20 for 32 x 32 images, named as Distiller has them; ResNet-20 with exits.
#include "autograd/ops/shape.h"
#include "nn/early_exit.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/models/basic_block.h"
#include "nn/models/families.h"

namespace pith::nn {
namespace {

/// conv1, bn1, relu, three columns of blocks of 16, 32, 64 channels, times `width`, average pool, fc.
class ResNetCifar : public Module, public Staged {
 public:
  ResNetCifar(const Blueprint& b, int64_t blocks, BasicBlock::Shortcut shortcut, int64_t width = 1) {
    const int64_t c = 16 * width;
    stem_.conv = &add_module("conv1", std::make_unique<Conv2d>(b.input[0], c, square(3)));
    stem_.norm = &add_module("bn1", std::make_unique<BatchNorm2d>(c));
    stem_.relu = &add_module("relu", std::make_unique<ReLU>());
    columns_[0] = &add_module("layer1", make_column<BasicBlock>(blocks, {c, c, 1}, shortcut));
    columns_[1] = &add_module("layer2", make_column<BasicBlock>(blocks, {c, 2 * c, 2}, shortcut));
    columns_[2] = &add_module("layer3", make_column<BasicBlock>(blocks, {2 * c, 4 * c, 2}, shortcut));
    pool_ = &add_module("avgpool", std::make_unique<GlobalAvgPool>("AvgPool2d"));
    fc_ = &add_module("fc", std::make_unique<Linear>(4 * c, b.classes));
  }
  std::string_view type() const override { return "ResNetCifar"; }
  std::vector<Stage> stages() const override { return {stem_}; }

 protected:
  Variable forward(const Variable& x) override {
    Variable y = x;
    for (int64_t i = 0; i < 3; ++i) y = run_column(i, y);
    return classify(y);
  }
  /// Column i, the first one with what lies in front of it.
  Variable run_column(int64_t i, const Variable& x) { return columns_[i]->call(i == 0 ? run_stage(stem_, x) : x); }
  Variable classify(const Variable& x) { return fc_->call(flatten(pool_->call(x))); }

 private:
  Stage stem_;
  Sequential* columns_[3];
  GlobalAvgPool* pool_;
  Linear* fc_;
};

/// With an exit behind the first and the second column: average pooling of 3 x 3 pixels and a linear layer (the shape
/// of Distiller's). The exits stand last, so that the same seed gives the layers of the plain network the same weights.
class ResNetCifarEarlyExit : public ResNetCifar, public EarlyExits {
 public:
  ResNetCifarEarlyExit(const Blueprint& b, int64_t blocks) : ResNetCifar(b, blocks, BasicBlock::Shortcut::residual) {
    const int64_t h = b.input[1], w = b.input[2];
    exits_[0] = &add_module("exit1", make_exit({16, h, w}, 3, b.classes));
    exits_[1] = &add_module("exit2", make_exit({32, (h + 1) / 2, (w + 1) / 2}, 3, b.classes));
  }
  std::string_view type() const override { return "ResNetCifarEarlyExit"; }
  int64_t answers() const override { return 3; }
  Variable run_part(int64_t i, const Variable& x) override { return run_column(i, x); }
  Variable answer(int64_t i, const Variable& x) override { return i < 2 ? exits_[i]->call(x) : classify(x); }

 protected:
  Variable forward(const Variable& x) override { return last_answer(*this, x, is_tapped()); }

 private:
  Sequential* exits_[2];
};

}  // namespace

std::unique_ptr<Module> make_resnet_cifar_early_exit(const Blueprint& b, int64_t blocks) {
  return std::make_unique<ResNetCifarEarlyExit>(b, blocks);
}

std::unique_ptr<Module> make_resnet_cifar(const Blueprint& b, int64_t blocks, int64_t width) {
  return std::make_unique<ResNetCifar>(b, blocks, BasicBlock::Shortcut::residual, width);
}

std::unique_ptr<Module> make_plain_cifar(const Blueprint& b, int64_t blocks) {
  return std::make_unique<ResNetCifar>(b, blocks, BasicBlock::Shortcut::none);
}

}  // namespace pith::nn
