#include "nn/compute.h"

#include <algorithm>
#include <map>
#include <utility>

#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "tensor/error.h"

namespace pith::nn {
namespace {

LayerCompute row(const std::string& name, Module& layer, const Shape& x, const Shape& y, const Shape& w) {
  LayerCompute r{name, std::string(layer.type()), "", x, y, w.numel(), 0};
  if (w.rank() == 4) {
    r.attributes = "k=(" + std::to_string(w[2]) + ", " + std::to_string(w[3]) + ")";
    r.macs = checked_mul(y.numel(), w[1] * w[2] * w[3]);
  } else {
    r.macs = checked_mul(y.numel(), w[1]);
  }
  return r;
}

/// Rows of calls as the module list has them.
std::vector<LayerCompute> in_order(std::vector<LayerCompute> table, Module& model) {
  std::map<std::string, int64_t> place;
  model.visit_modules(
      [&](const std::string& name, Module&) { place.emplace(name, static_cast<int64_t>(place.size())); });
  std::stable_sort(table.begin(), table.end(),
                   [&](const LayerCompute& a, const LayerCompute& b) { return place.at(a.name) < place.at(b.name); });
  return table;
}

}  // namespace

std::vector<LayerCompute> compute_table(Module& model, const Shape& image) {
  if (image.rank() != 3) throw ShapeError("compute table: an image is [c, h, w], here is " + text(image));
  return compute_table(model, [&] { model.call(Variable(Tensor::zeros({1, image[0], image[1], image[2]}))); });
}

std::vector<LayerCompute> compute_table(Module& model, const std::function<void()>& run) {
  std::vector<LayerCompute> table;
  const bool training = model.training();
  model.set_training(false);
  model.set_tap(
      std::make_shared<const Tap>([&](const std::string& name, Module& m, const Variable& x, const Variable& y) {
        if (auto* const conv = dynamic_cast<Conv2d*>(&m)) {
          table.push_back(row(name, m, x.shape(), y.shape(), conv->weight().shape()));
        } else if (auto* const linear = dynamic_cast<Linear*>(&m)) {
          table.push_back(row(name, m, x.shape(), y.shape(), linear->weight().shape()));
        }
      }));
  const NoGradient inference;
  run();
  model.set_tap(nullptr);
  model.set_training(training);
  return in_order(std::move(table), model);
}

}  // namespace pith::nn
