// Networks by name, with PyTorch's tensor names and default initialisation.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nn/module.h"
#include "tensor/shape.h"

namespace pith::nn {

/// What a model is for.
struct ModelInfo {
  std::string name;         ///< "resnet20-cifar"
  std::string description;  ///< one line for `pith info`
  Shape input;              ///< one image: [c, h, w]
  int64_t classes = 10;
  int64_t exits = 0;  ///< on the way (nn/early_exit.h)
};

/// Every image model by name, in the order that `pith info` lists them: lenet5, simplenet-mnist, simplenet-v2-mnist,
/// simplenet-cifar, plain20-cifar, resnet{20,32,44,56}-cifar, preact-resnet{20,32,44,56}-cifar, vgg{11,13,16,19}-cifar,
/// mobilenet-cifar, mobilenet, resnet18, googlenet-cifar, lenet5-earlyexit, resnet20-cifar-earlyexit, lenet5-2x,
/// resnet20-2x-cifar. Underscores are taken for hyphens.
const std::vector<ModelInfo>& image_models();
/// Throws ArgumentError naming the nearest known name.
const ModelInfo& model_info(std::string_view name);

struct ModelOptions {
  int64_t classes = 0;  ///< 0: the model's own
  Shape input = {};     ///< rank 0: the model's own; else [c, h, w]
  uint64_t seed = 0;    ///< of the initialisation
};
/// A new network: images [n, c, h, w] f32 -> logits [n, classes]. Throws ArgumentError for an unknown name or an input
/// that the network cannot take.
std::unique_ptr<Module> make_model(std::string_view name, const ModelOptions& options = {});

}  // namespace pith::nn
