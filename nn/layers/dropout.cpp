#include "nn/layers/dropout.h"

#include "tensor/error.h"

namespace pith::nn {

void DropoutStream::set(uint64_t seed, int64_t step, uint32_t layer) {
  seed_ = seed;
  step_ = static_cast<uint64_t>(step);
  layer_ = layer;
  calls_ = 0;
}

DropoutKey DropoutStream::next() {
  // 2^40 steps of 2^24 calls each before two streams meet.
  return {.seed = seed_, .epoch = layer_, .item = step_ << 24 | (calls_++ & 0xffffff)};
}

void seed_dropout(Module& model, uint64_t seed, int64_t step) {
  uint32_t layer = 0;
  model.visit_modules([&](const std::string&, Module& m) {
    if (auto* const random = dynamic_cast<RandomModule*>(&m)) random->stream().set(seed, step, layer++);
  });
}

double checked_probability(double p) {
  if (!(p >= 0 && p < 1)) throw ArgumentError("dropout: the probability " + std::to_string(p) + " is not in [0, 1)");
  return p;
}

Dropout::Dropout(double p) : p_(checked_probability(p)) {}

Variable Dropout::forward(const Variable& x) { return training() && p_ > 0 ? dropout(x, p_, stream_.next()) : x; }

}  // namespace pith::nn
