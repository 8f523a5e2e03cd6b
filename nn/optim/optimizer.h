// Optimizers move parameter values. The step is fused with the mask: a pruned weight is neither read nor written, and
// momentum cannot revive it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/module.h"

namespace pith::nn {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// "sgd", "adam": written to checkpoints.
  virtual std::string name() const = 0;
  /// Moves every parameter that has a gradient. rate > 0, finite; throws NumericError otherwise.
  virtual void step(double rate) = 0;
  /// State tensors by name ("layer1.0.conv1.weight.momentum") and counters, for a checkpoint that resumes to the same bits.
  virtual void visit_state(const std::function<void(const std::string& name, Tensor& state)>& visit) = 0;
  virtual int64_t steps() const = 0;
  virtual void set_steps(int64_t steps) = 0;
};

struct SgdOptions {
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
};
struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;
  bool decoupled = false;  ///< AdamW
};
std::unique_ptr<Optimizer> make_sgd(Module& model, const SgdOptions& options);
std::unique_ptr<Optimizer> make_adam(Module& model, const AdamOptions& options);

}  // namespace pith::nn
