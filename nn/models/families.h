// Families of image networks: what the registry (nn/models.cpp) builds from. Weights come filled by nn/init.h.
#pragma once

#include <memory>

#include "nn/module.h"
#include "tensor/shape.h"

namespace pith::nn {

/// What a builder is told. input: [c, h, w].
struct Blueprint {
  Shape input;
  int64_t classes = 10;
};

// lenet.cpp: small networks of convolution, pooling and linear layers.
std::unique_ptr<Module> make_lenet5(const Blueprint& b);
/// With twice as many channels and features in every layer (WRPN, Mishra et al. 2018, widens so).
std::unique_ptr<Module> make_lenet5_twice_wide(const Blueprint& b);
std::unique_ptr<Module> make_simplenet_mnist(const Blueprint& b);
std::unique_ptr<Module> make_simplenet_v2_mnist(const Blueprint& b);
std::unique_ptr<Module> make_simplenet_cifar(const Blueprint& b);

// lenet_early_exit.cpp: LeNet-5 with an exit (nn/early_exit.h).
std::unique_ptr<Module> make_lenet5_early_exit(const Blueprint& b);

// resnet_cifar.cpp: 6 * blocks + 2 layers (He et al. 2016), `width` times as many channels.
std::unique_ptr<Module> make_resnet_cifar(const Blueprint& b, int64_t blocks, int64_t width = 1);
/// With two exits (nn/early_exit.h).
std::unique_ptr<Module> make_resnet_cifar_early_exit(const Blueprint& b, int64_t blocks);
std::unique_ptr<Module> make_plain_cifar(const Blueprint& b, int64_t blocks);
// preact_resnet.cpp (He et al. 2016, "Identity mappings").
std::unique_ptr<Module> make_preact_resnet_cifar(const Blueprint& b, int64_t blocks);
// resnet18.cpp: torchvision's.
std::unique_ptr<Module> make_resnet18(const Blueprint& b);
// vgg_cifar.cpp: depth 11, 13, 16 or 19 (Simonyan & Zisserman 2015) for 32 x 32 images, without batch norm.
std::unique_ptr<Module> make_vgg_cifar(const Blueprint& b, int64_t depth);
// mobilenet.cpp (Howard et al. 2017).
std::unique_ptr<Module> make_mobilenet(const Blueprint& b);
std::unique_ptr<Module> make_mobilenet_cifar(const Blueprint& b);
// googlenet.cpp (Szegedy et al. 2015).
std::unique_ptr<Module> make_googlenet_cifar(const Blueprint& b);

}  // namespace pith::nn
