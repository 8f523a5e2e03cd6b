// BatchNorm2d: batch normalisation per channel, fused with an addition and a ReLU that follow it.
#pragma once

#include "nn/module.h"
#include "tensor/ops/batch_norm.h"

namespace pith::nn {

struct NormOptions {
  double momentum = 0.1;
  double epsilon = 1e-5;
};

/// weight, bias [c], buffers running_mean, running_var [c]. x [n, c, h, w] (or [n, c]) -> the same shape.
class BatchNorm2d : public Module {
 public:
  explicit BatchNorm2d(int64_t channels, const NormOptions& options = {});
  std::string_view type() const override { return "BatchNorm2d"; }

  /// What else happens in the same pass over memory: the sum with `residual` if it is defined, then ReLU.
  struct Tail {
    Variable residual;
    bool relu = false;
    const ops::Moments* moments = nullptr;  ///< x's own, if they are known; used in training
  };
  /// relu(norm(x) + residual) under this layer's name. No tap sees it: callers use it where none is installed.
  Variable call_fused(const Variable& x, const Tail& tail);

  Parameter& weight() { return weight_; }
  Parameter& bias() { return bias_; }
  Tensor& running_mean() { return mean_; }
  Tensor& running_var() { return variance_; }
  double epsilon() const { return options_.epsilon; }

  /// From now on y = x: a convolution has taken over what this layer did (nn/fold.h).
  void become_identity() { identity_ = true; }
  bool is_identity() const { return identity_; }

 protected:
  Variable forward(const Variable& x) override { return normalize(x, {}); }

 private:
  Variable normalize(const Variable& x, const Tail& tail);

  NormOptions options_;
  Parameter& weight_;
  Parameter& bias_;
  Tensor& mean_;
  Tensor& variance_;
  bool identity_ = false;
};

}  // namespace pith::nn
