// Conv2d: 2-D cross-correlation with stride, padding, dilation and groups.
#pragma once

#include <array>

#include "autograd/ops/conv2d.h"
#include "nn/module.h"
#include "tensor/shape.h"

namespace pith::nn {

struct ConvOptions {
  std::array<int64_t, 2> kernel{3, 3};
  Window window;
  bool bias = true;
};

/// A square kernel with "same" padding: kernel / 2. The commonest call, without bias where batch norm follows.
ConvOptions square(int64_t kernel, int64_t stride = 1, bool bias = false);

/// weight [out, in / groups, kh, kw], bias [out]. x [n, in, h, w] -> [n, out, oh, ow]. A freshly made layer holds
/// zeros. Throws ArgumentError where the groups divide neither channels.
class Conv2d : public Module {
 public:
  Conv2d(int64_t in, int64_t out, const ConvOptions& options);
  std::string_view type() const override { return "Conv2d"; }

  /// With the sum and ReLU that follow in the same pass, under this layer's name. No tap sees it.
  Variable call_fused(const Variable& x, const ConvTail& tail);

  /// With the moments of its result, under this layer's name. No tap sees it.
  MeasuredVariable call_measured(const Variable& x, const Tensor& pivot);

  Parameter& weight() { return weight_; }
  Parameter* bias() { return bias_; }
  const Window& window() const { return window_; }
  /// Gives the layer a bias if it has none (folding does). bias: [out].
  void set_bias(const Tensor& bias);
  /// After thinning: a depthwise convolution has as many groups as its weight has filters.
  void match_groups();
  /// Keeps the weights as kernels read them, too: the layer stays as it is from now on (folding does).
  void pack();

 protected:
  Variable forward(const Variable& x) override;

 private:
  Window window_;
  Parameter& weight_;
  Parameter* bias_;
};

/// match_groups of every convolution of the model.
void match_groups(Module& model);

}  // namespace pith::nn
