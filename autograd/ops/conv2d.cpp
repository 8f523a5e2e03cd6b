#include "autograd/ops/conv2d.h"

#include "tensor/ops/conv2d.h"

namespace pith {
namespace {

constexpr int64_t kLaneBatch = 8;  // from here on, half-filled lines beat the plain order

bool in_lanes(const Tensor& x) {
  return x.dtype() == DType::f32 && (x.is_lanes() || gradients_enabled() || x.shape()[0] >= kLaneBatch);
}

}  // namespace

Variable conv2d(const Variable& x, const Variable& w, const Variable& b, const Window& window) {
  Tensor input = x.value();
  static_cast<void>(conv2d_shape(x.shape(), w.shape(), window));
  if (in_lanes(input)) {
    const int64_t halo = ops::conv2d_halo(x.shape(), w.shape(), window);
    if (!input.is_lanes() || input.geometry().halo < halo) input = to_lanes(input, halo);
  }
  const Tensor weight = w.value();
  Tensor y = ops::conv2d(input, weight, window, {.bias = b.defined() ? b.value() : Tensor()});
  std::vector<Variable> inputs{x, w};
  if (b.defined()) inputs.push_back(b);
  return record("conv2d", std::move(y), std::move(inputs),
                [=, biased = b.defined()](const Tensor& dy, Gradients& into) {
                  into.add(0, [&] { return ops::conv2d_input_gradient(dy, weight, input.shape(), window); });
                  into.add(1, [&] { return ops::conv2d_weight_gradient(input, dy, weight.shape(), window); });
                  if (biased) into.add(2, [&] { return ops::channel_sum(dy); });
                });
}

}  // namespace pith
