#include "nn/init.h"

#include <algorithm>
#include <cmath>

#include "nn/layers/conv2d.h"
#include "nn/layers/embedding.h"
#include "nn/layers/linear.h"
#include "nn/layers/lstm.h"
#include "tensor/random.h"

namespace pith::nn {
namespace {

/// Gives each parameter its stream.
class Filler {
 public:
  explicit Filler(uint64_t seed) : seed_(seed) {}

  void uniform(Parameter& p, double bound) {
    Tensor t = Tensor::empty(p.shape(), p.value().dtype());
    fill_uniform(t, -bound, bound, next());
    p.load(t);
  }
  void normal(Parameter& p, double deviation) {
    Tensor t = Tensor::empty(p.shape(), p.value().dtype());
    fill_normal(t, 0, deviation, next());
    p.load(t);
  }

 private:
  RandomKey next() { return {.seed = seed_, .purpose = Purpose::init, .epoch = 0, .item = item_++}; }
  uint64_t seed_;
  uint64_t item_ = 0;
};

/// 1 / sqrt(inputs of one output). w: [out, in, ...].
double fan_in_bound(const Shape& w) {
  const int64_t fan_in = w.numel() / std::max<int64_t>(1, w[0]);
  return 1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, fan_in)));
}

void fill_uniform_layer(Filler& filler, Parameter& weight, Parameter* bias) {
  const double bound = fan_in_bound(weight.shape());
  filler.uniform(weight, bound);
  if (bias != nullptr) filler.uniform(*bias, bound);
}

void fill_conv(Filler& filler, Conv2d& conv, Init init) {
  if (init == Init::pytorch) return fill_uniform_layer(filler, conv.weight(), conv.bias());
  const Shape& w = conv.weight().shape();
  filler.normal(conv.weight(), std::sqrt(2 / static_cast<double>(w[0] * w[2] * w[3])));
  if (conv.bias() != nullptr) conv.bias()->load(Tensor::zeros({w[0]}, conv.weight().value().dtype()));
}

}  // namespace

void initialize(Module& model, uint64_t seed, Init init) {
  Filler filler(seed);
  model.visit_modules([&](const std::string&, Module& m) {
    if (auto* const conv = dynamic_cast<Conv2d*>(&m)) {
      fill_conv(filler, *conv, init);
    } else if (auto* const linear = dynamic_cast<Linear*>(&m)) {
      fill_uniform_layer(filler, linear->weight(), linear->bias());
    } else if (auto* const embedding = dynamic_cast<Embedding*>(&m)) {
      filler.normal(embedding->weight(), 1);
    } else if (auto* const lstm = dynamic_cast<Lstm*>(&m)) {
      const double bound = 1 / std::sqrt(static_cast<double>(lstm->hidden()));
      lstm->visit_own_parameters([&](Parameter& p) { filler.uniform(p, bound); });
    }
  });
}

}  // namespace pith::nn
