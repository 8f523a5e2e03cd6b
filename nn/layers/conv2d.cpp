#include "nn/layers/conv2d.h"

#include "nn/apply.h"
#include "tensor/error.h"

namespace pith::nn {
namespace {

Shape weight_shape(int64_t in, int64_t out, const ConvOptions& o) {
  const int64_t groups = o.window.groups;
  if (groups < 1 || in % groups != 0 || out % groups != 0)
    throw ArgumentError("conv2d: " + std::to_string(groups) + " groups divide not both " + std::to_string(in) +
                        " input and " + std::to_string(out) + " output channels");
  return {out, in / groups, o.kernel[0], o.kernel[1]};
}

}  // namespace

ConvOptions square(int64_t kernel, int64_t stride, bool bias) {
  ConvOptions o;
  o.kernel = {kernel, kernel};
  o.window.stride = {stride, stride};
  o.window.padding = {kernel / 2, kernel / 2};
  o.bias = bias;
  return o;
}

Conv2d::Conv2d(int64_t in, int64_t out, const ConvOptions& options)
    : window_(options.window),
      weight_(add_parameter("weight", Tensor::zeros(weight_shape(in, out, options)))),
      bias_(options.bias ? &add_parameter("bias", Tensor::zeros({out})) : nullptr) {}

void Conv2d::set_bias(const Tensor& bias) {
  if (bias_ == nullptr) bias_ = &add_parameter("bias", Tensor::zeros({weight_.shape()[0]}, weight_.value().dtype()));
  bias_->load(bias);
}

void Conv2d::match_groups() {
  if (window_.groups > 1 && weight_.shape()[1] == 1) window_.groups = weight_.shape()[0];
}

Variable Conv2d::call_fused(const Variable& x, const ConvTail& tail) {
  const LayerScope scope(name());
  return apply_conv(x, weight_, bias_, window_, tail);
}

MeasuredVariable Conv2d::call_measured(const Variable& x, const Tensor& pivot) {
  const LayerScope scope(name());
  return apply_conv_measured(x, weight_, bias_, window_, pivot);
}

Variable Conv2d::forward(const Variable& x) { return apply_conv(x, weight_, bias_, window_); }

void Conv2d::pack() { weight_.pack(window_.groups); }

void match_groups(Module& model) {
  model.visit_modules([](const std::string&, Module& m) {
    if (auto* const conv = dynamic_cast<Conv2d*>(&m)) conv->match_groups();
  });
}

}  // namespace pith::nn
