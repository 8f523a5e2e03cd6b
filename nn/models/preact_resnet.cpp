// Preact-ResNet-20/32/44/56 for 32 x 32 images (He et al. 2016, "Identity mappings in deep residual networks").
#include "autograd/ops/shape.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/models/basic_block.h"
#include "nn/models/families.h"

namespace pith::nn {
namespace {

/// The shortcut without weights (option A): every stride-th pixel, channels padded with zeros, half before, half after.
class SubsamplePad : public Module {
 public:
  SubsamplePad(int64_t stride, int64_t channels) : stride_(stride), channels_(channels) {}
  std::string_view type() const override { return "SubsamplePad"; }

 protected:
  Variable forward(const Variable& x) override { return subsample_pad(x, stride_, channels_); }

 private:
  int64_t stride_, channels_;
};

/// p = relu(norm(x)); y = conv2(relu(bn(conv1(p)))) + shortcut, where the shortcut is x, or option A of p where extent
/// or width change.
class PreactBlock : public Module, public Staged {
 public:
  using Widths = BasicBlock::Widths;
  explicit PreactBlock(const Widths& s) {
    before_.norm = &add_module("pre_bn", std::make_unique<BatchNorm2d>(s.in));
    before_.relu = &add_module("pre_relu", std::make_unique<ReLU>());
    first_.conv = &add_module("conv1", std::make_unique<Conv2d>(s.in, s.out, square(3, s.stride)));
    first_.norm = &add_module("bn", std::make_unique<BatchNorm2d>(s.out));
    first_.relu = &add_module("relu", std::make_unique<ReLU>());
    second_.conv = &add_module("conv2", std::make_unique<Conv2d>(s.out, s.out, square(3)));
    if (s.stride != 1 || s.in != s.out)
      downsample_ = &add_module("downsample", std::make_unique<SubsamplePad>(s.stride, s.out));
    second_.add = &add_module("residual_eltwiseadd", std::make_unique<EltwiseAdd>());
  }
  std::string_view type() const override { return "PreactBlock"; }
  std::vector<Stage> stages() const override { return {before_, first_, second_}; }

 protected:
  Variable forward(const Variable& x) override {
    const Variable p = run_stage(before_, x);
    const Variable shortcut = downsample_ != nullptr ? downsample_->call(p) : x;
    return run_stage(second_, run_stage(first_, p), shortcut);
  }

 private:
  Stage before_, first_, second_;
  SubsamplePad* downsample_ = nullptr;
};

class PreactResNetCifar : public Module {
 public:
  PreactResNetCifar(const Blueprint& b, int64_t blocks) {
    conv_ = &add_module("conv1", std::make_unique<Conv2d>(b.input[0], 16, square(3)));
    columns_[0] = &add_module("layer1", make_column<PreactBlock>(blocks, {16, 16, 1}));
    columns_[1] = &add_module("layer2", make_column<PreactBlock>(blocks, {16, 32, 2}));
    columns_[2] = &add_module("layer3", make_column<PreactBlock>(blocks, {32, 64, 2}));
    after_.norm = &add_module("final_bn", std::make_unique<BatchNorm2d>(64));
    after_.relu = &add_module("final_relu", std::make_unique<ReLU>());
    pool_ = &add_module("avgpool", std::make_unique<GlobalAvgPool>("AvgPool2d"));
    fc_ = &add_module("fc", std::make_unique<Linear>(64, b.classes));
  }
  std::string_view type() const override { return "PreactResNetCifar"; }

 protected:
  Variable forward(const Variable& x) override {
    Variable y = conv_->call(x);
    for (Sequential* const column : columns_) y = column->call(y);
    return fc_->call(flatten(pool_->call(run_stage(after_, y))));
  }

 private:
  Conv2d* conv_;
  Sequential* columns_[3];
  Stage after_;
  GlobalAvgPool* pool_;
  Linear* fc_;
};

}  // namespace

std::unique_ptr<Module> make_preact_resnet_cifar(const Blueprint& b, int64_t blocks) {
  return std::make_unique<PreactResNetCifar>(b, blocks);
}

}  // namespace pith::nn
