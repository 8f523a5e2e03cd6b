// MobileNet v1 (Howard et al. 2017), with the names of the PyTorch port that Distiller takes: model.0.0.weight, ...,
// model.13.4.weight, fc.weight.
#include <array>

#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/layers/sequential.h"
#include "nn/models/families.h"

namespace pith::nn {
namespace {

void add_conv(Sequential& block, int64_t in, int64_t out, const ConvOptions& options) {
  block.add(std::make_unique<Conv2d>(in, out, options));
  block.add(std::make_unique<BatchNorm2d>(out));
  block.add(std::make_unique<ReLU>());
}

std::unique_ptr<Sequential> make_stem(int64_t channels, int64_t stride) {
  auto block = std::make_unique<Sequential>();
  add_conv(*block, channels, 32, square(3, stride));
  return block;
}

/// Depthwise 3 x 3 (one filter a channel), then pointwise 1 x 1.
std::unique_ptr<Sequential> make_separable(int64_t in, int64_t out, int64_t stride) {
  auto block = std::make_unique<Sequential>();
  ConvOptions depthwise = square(3, stride);
  depthwise.window.groups = in;
  add_conv(*block, in, in, depthwise);
  add_conv(*block, in, out, square(1));
  return block;
}

struct Separable {
  int64_t out, stride;
};
constexpr std::array<Separable, 13> kBlocks{{{64, 1},
                                             {128, 2},
                                             {128, 1},
                                             {256, 2},
                                             {256, 1},
                                             {512, 2},
                                             {512, 1},
                                             {512, 1},
                                             {512, 1},
                                             {512, 1},
                                             {512, 1},
                                             {1024, 2},
                                             {1024, 1}}};

std::unique_ptr<Module> make(const Blueprint& b, int64_t stem_stride) {
  auto model = std::make_unique<Sequential>();
  model->add(make_stem(b.input[0], stem_stride));
  int64_t width = 32;
  for (const Separable& s : kBlocks) {
    model->add(make_separable(width, s.out, s.stride));
    width = s.out;
  }
  model->add(std::make_unique<GlobalAvgPool>("AvgPool2d"));
  auto net = std::make_unique<Sequential>("MobileNet");
  net->add("model", std::move(model));
  net->add("flatten", std::make_unique<Flatten>());
  net->add("fc", std::make_unique<Linear>(width, b.classes));
  return net;
}

}  // namespace

std::unique_ptr<Module> make_mobilenet(const Blueprint& b) { return make(b, 2); }

/// For 32 x 32 images: the first convolution keeps the extent, so the last sees 2 x 2.
std::unique_ptr<Module> make_mobilenet_cifar(const Blueprint& b) { return make(b, 1); }

}  // namespace pith::nn
