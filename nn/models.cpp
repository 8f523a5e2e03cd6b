// The registry of image models: one row each.
#include "nn/models.h"

#include <algorithm>
#include <numeric>

#include "nn/init.h"
#include "nn/models/families.h"
#include "tensor/error.h"

namespace pith::nn {
namespace {

struct Row {
  ModelInfo info;
  std::unique_ptr<Module> (*build)(const Blueprint&);
  Init init = Init::pytorch;
  int64_t least_extent = 1;  ///< of h and w
};

const Shape kDigit{1, 28, 28};
const Shape kCifar{3, 32, 32};
const Shape kImageNet{3, 224, 224};

template <int64_t blocks, int64_t width = 1>
std::unique_ptr<Module> resnet(const Blueprint& b) {
  return make_resnet_cifar(b, blocks, width);
}
template <int64_t blocks>
std::unique_ptr<Module> resnet_early_exit(const Blueprint& b) {
  return make_resnet_cifar_early_exit(b, blocks);
}
template <int64_t blocks>
std::unique_ptr<Module> plain(const Blueprint& b) {
  return make_plain_cifar(b, blocks);
}
template <int64_t blocks>
std::unique_ptr<Module> preact(const Blueprint& b) {
  return make_preact_resnet_cifar(b, blocks);
}
template <int64_t depth>
std::unique_ptr<Module> vgg(const Blueprint& b) {
  return make_vgg_cifar(b, depth);
}

const std::vector<Row>& rows() {
  static const std::vector<Row> table{
      {{"lenet5", "LeNet-5: two convolutions, three linear layers", kDigit, 10}, make_lenet5, Init::pytorch, 12},
      {{"simplenet-mnist", "two convolutions of 20 and 50 filters, two linear layers", kDigit, 10},
       make_simplenet_mnist,
       Init::pytorch,
       16},
      {{"simplenet-v2-mnist", "the same convolutions, average pool, one linear layer", kDigit, 10},
       make_simplenet_v2_mnist,
       Init::pytorch,
       16},
      {{"simplenet-cifar", "LeNet-5's layers on colour images", kCifar, 10}, make_simplenet_cifar, Init::pytorch, 16},
      {{"plain20-cifar", "ResNet-20 without its shortcuts", kCifar, 10}, plain<3>, Init::fan_out, 4},
      {{"resnet20-cifar", "residual network of 20 layers (He et al. 2016)", kCifar, 10}, resnet<3>, Init::fan_out, 4},
      {{"resnet32-cifar", "residual network of 32 layers", kCifar, 10}, resnet<5>, Init::fan_out, 4},
      {{"resnet44-cifar", "residual network of 44 layers", kCifar, 10}, resnet<7>, Init::fan_out, 4},
      {{"resnet56-cifar", "residual network of 56 layers", kCifar, 10}, resnet<9>, Init::fan_out, 4},
      {{"preact-resnet20-cifar", "ResNet-20 with batch norm and ReLU before each convolution", kCifar, 10},
       preact<3>,
       Init::fan_out,
       4},
      {{"preact-resnet32-cifar", "the same of 32 layers", kCifar, 10}, preact<5>, Init::fan_out, 4},
      {{"preact-resnet44-cifar", "the same of 44 layers", kCifar, 10}, preact<7>, Init::fan_out, 4},
      {{"preact-resnet56-cifar", "the same of 56 layers", kCifar, 10}, preact<9>, Init::fan_out, 4},
      {{"vgg11-cifar", "VGG of 8 convolutions and one linear layer", kCifar, 10}, vgg<11>, Init::fan_out, 32},
      {{"vgg13-cifar", "VGG of 10 convolutions", kCifar, 10}, vgg<13>, Init::fan_out, 32},
      {{"vgg16-cifar", "VGG of 13 convolutions", kCifar, 10}, vgg<16>, Init::fan_out, 32},
      {{"vgg19-cifar", "VGG of 16 convolutions", kCifar, 10}, vgg<19>, Init::fan_out, 32},
      {{"mobilenet-cifar", "MobileNet v1 for 32 x 32 images", kCifar, 10}, make_mobilenet_cifar, Init::fan_out, 16},
      {{"mobilenet", "MobileNet v1 (Howard et al. 2017)", kImageNet, 1000}, make_mobilenet, Init::fan_out, 32},
      {{"resnet18", "residual network of 18 layers, as torchvision has it", kImageNet, 1000},
       make_resnet18,
       Init::fan_out,
       32},
      {{"googlenet-cifar", "nine Inception blocks of a quarter width (Szegedy et al. 2015)", kCifar, 10},
       make_googlenet_cifar,
       Init::fan_out,
       8},
      {{"lenet5-earlyexit", "LeNet-5 with an exit behind its first convolution", kDigit, 10, 1},
       make_lenet5_early_exit,
       Init::pytorch,
       12},
      {{"resnet20-cifar-earlyexit", "ResNet-20 with exits behind its first and second column", kCifar, 10, 2},
       resnet_early_exit<3>,
       Init::fan_out,
       12},
      {{"lenet5-2x", "LeNet-5, twice as wide: for few bits (WRPN, Mishra et al. 2018)", kDigit, 10},
       make_lenet5_twice_wide,
       Init::pytorch,
       12},
      {{"resnet20-2x-cifar", "ResNet-20, twice as wide", kCifar, 10}, resnet<3, 2>, Init::fan_out, 4},
  };
  return table;
}

std::string with_hyphens(std::string_view name) {
  std::string s(name);
  std::replace(s.begin(), s.end(), '_', '-');
  return s;
}

/// Letters to insert, delete or replace (Levenshtein).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

const Row& find(std::string_view name) {
  const std::string wanted = with_hyphens(name);
  const auto by_distance = [&](const Row& a, const Row& b) {
    return distance(a.info.name, wanted) < distance(b.info.name, wanted);
  };
  const Row& nearest = *std::min_element(rows().begin(), rows().end(), by_distance);
  if (nearest.info.name == wanted) return nearest;
  throw ArgumentError("there is no model \"" + std::string(name) + "\"; the nearest name is " + nearest.info.name);
}

Blueprint blueprint(const Row& row, const ModelOptions& options) {
  Blueprint b{options.input.rank() == 0 ? row.info.input : options.input,
              options.classes == 0 ? row.info.classes : options.classes};
  const int64_t least = row.least_extent;
  if (b.input.rank() != 3 || b.input[0] < 1 || b.input[1] < least || b.input[2] < least)
    throw ArgumentError(row.info.name + ": cannot take images " + text(b.input) +
                        "; it needs [channels, h, w] with h and w at least " + std::to_string(least));
  if (b.classes < 1) throw ArgumentError(row.info.name + ": " + std::to_string(b.classes) + " classes; at least one");
  return b;
}

}  // namespace

const std::vector<ModelInfo>& image_models() {
  static const std::vector<ModelInfo> infos = [] {
    std::vector<ModelInfo> all;
    for (const Row& row : rows()) all.push_back(row.info);
    return all;
  }();
  return infos;
}

const ModelInfo& model_info(std::string_view name) { return find(name).info; }

std::unique_ptr<Module> make_model(std::string_view name, const ModelOptions& options) {
  const Row& row = find(name);
  std::unique_ptr<Module> model = row.build(blueprint(row, options));
  initialize(*model, options.seed, row.init);
  return model;
}

}  // namespace pith::nn
