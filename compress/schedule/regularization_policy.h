// RegularizationPolicy: adds a penalty to the loss and its gradient to the weights', and thresholds what became small.
#pragma once

#include <memory>
#include <vector>

#include "compress/schedule/policy.h"
#include "compress/schedule/timing.h"

namespace pith::compress {

class RegularizationPolicy : public Policy {
 public:
  /// keep_mask: the threshold mask of the last minibatch stays. Throws what bind() throws.
  RegularizationPolicy(std::shared_ptr<const RegularizationMethod> method, const Timing& timing, bool keep_mask,
                       nn::Module& model);

  double before_backward(const Tick& tick) override;
  void before_step(const Tick& tick) override;
  /// Weights below the threshold become 0; they may grow again, until the last minibatch with keep_mask.
  void on_minibatch_end(const Tick& tick) override;

 private:
  std::shared_ptr<const RegularizationMethod> method_;
  Timing timing_;
  bool keep_mask_;
  std::vector<Bound> parameters_;
  std::vector<Tensor> gradients_;
};

}  // namespace pith::compress
