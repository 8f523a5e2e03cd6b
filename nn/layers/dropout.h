// Dropout, and the stream of random numbers that layers like it draw from.
#pragma once

#include <cstdint>

#include "autograd/ops/activation.h"
#include "nn/module.h"

namespace pith::nn {

/// Where a layer's random masks come from: a function of (seed, step, layer, call within the step). The training loop
/// says seed and step; nothing else need be kept for a run to resume to the same bits.
class DropoutStream {
 public:
  void set(uint64_t seed, int64_t step, uint32_t layer);
  /// The next key of this step.
  DropoutKey next();

 private:
  uint64_t seed_ = 0;
  uint64_t step_ = 0;
  uint32_t layer_ = 0;
  uint64_t calls_ = 0;
};

/// A module with a stream: Dropout, Lstm.
class RandomModule {
 public:
  virtual ~RandomModule() = default;
  virtual DropoutStream& stream() = 0;
};

/// Before every training step: gives every RandomModule at and below `model` its place in the stream. step: counted
/// over the whole run. Without this call every step draws from where the last one ended.
void seed_dropout(Module& model, uint64_t seed, int64_t step);

/// In training: each element 0 with probability p, the rest times 1 / (1 - p). In evaluation: x.
/// Throws ArgumentError unless 0 <= p < 1.
class Dropout : public Module, public RandomModule {
 public:
  explicit Dropout(double p);
  std::string_view type() const override { return "Dropout"; }
  DropoutStream& stream() override { return stream_; }

 protected:
  Variable forward(const Variable& x) override;

 private:
  double p_;
  DropoutStream stream_;
};

/// p itself. Throws ArgumentError unless 0 <= p < 1.
double checked_probability(double p);

}  // namespace pith::nn
