// VGG-11/13/16/19 for 32 x 32 images (Simonyan & Zisserman 2015), without batch norm, as Distiller has them.
#include <vector>

#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/layers/sequential.h"
#include "nn/models/families.h"
#include "tensor/error.h"

namespace pith::nn {
namespace {

/// Convolutions before each of the five poolings.
std::vector<int64_t> convolutions(int64_t depth) {
  switch (depth) {
    case 11:
      return {1, 1, 2, 2, 2};
    case 13:
      return {2, 2, 2, 2, 2};
    case 16:
      return {2, 2, 3, 3, 3};
    case 19:
      return {2, 2, 4, 4, 4};
    default:
      throw ArgumentError("vgg: depth " + std::to_string(depth) + " is not among 11, 13, 16 and 19");
  }
}

std::unique_ptr<Sequential> make_features(int64_t channels, int64_t depth) {
  auto features = std::make_unique<Sequential>();
  int64_t width = 64;
  for (const int64_t count : convolutions(depth)) {
    for (int64_t i = 0; i < count; ++i) {
      features->add(std::make_unique<Conv2d>(channels, width, square(3, 1, true)));
      features->add(std::make_unique<ReLU>());
      channels = width;
    }
    features->add(std::make_unique<MaxPool2d>(PoolOptions{.kernel = 2}));
    if (width < 512) width *= 2;
  }
  return features;
}

}  // namespace

std::unique_ptr<Module> make_vgg_cifar(const Blueprint& b, int64_t depth) {
  const int64_t pixels = (b.input[1] / 32) * (b.input[2] / 32);
  auto net = std::make_unique<Sequential>("VGGCifar");
  net->add("features", make_features(b.input[0], depth));
  net->add("flatten", std::make_unique<Flatten>());
  net->add("classifier", std::make_unique<Linear>(512 * pixels, b.classes));
  return net;
}

}  // namespace pith::nn
