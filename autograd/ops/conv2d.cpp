#include "autograd/ops/conv2d.h"

#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "tensor/ops/conv2d.h"

namespace pith {
namespace {

constexpr int64_t kLaneBatch = 8;  // from here on, half-filled lines beat the plain order

bool in_lanes(const Tensor& x) {
  return x.dtype() == DType::f32 && (x.is_lanes() || gradients_enabled() || x.shape()[0] >= kLaneBatch);
}

/// A small batch for inference as tiles, if every pixel then stays in its tile; undefined otherwise.
Tensor in_tiles(const Tensor& x, const Shape& w, const Window& window) {
  if (x.dtype() != DType::f32 || x.is_lanes() || gradients_enabled()) return {};
  const int64_t halo = ops::conv2d_halo(x.shape(), w, window);
  if (x.is_tiles()) return ops::tiles_fit(x, w, window) ? x : Tensor();
  const TileGrid grid = tile_grid(x.shape()[0], x.shape()[2], x.shape()[3]);
  return ops::tiles_fit(x.shape(), grid, w, window) ? to_tiles(x, grid, halo) : Tensor();
}

}  // namespace

Tensor conv2d_operand(const Tensor& x, const Shape& w, const Window& window) {
  static_cast<void>(conv2d_shape(x.shape(), w, window));
  if (Tensor tiles = in_tiles(x, w, window); tiles.defined()) return tiles;
  if (!in_lanes(x)) return x.contiguous();
  const int64_t halo = ops::conv2d_halo(x.shape(), w, window);
  return x.is_lanes() && x.geometry().halo >= halo ? x : to_lanes(x, halo);
}

namespace {

Tensor value_or_none(const Variable& v) { return v.defined() ? v.value() : Tensor(); }

bool is_recorded(const Variable& x, const Variable& w, const Variable& b, const ConvTail& tail) {
  return gradients_enabled() &&
         (x.requires_gradient() || w.requires_gradient() || b.requires_gradient() || tail.residual.requires_gradient());
}

/// y, made of `input` (x as prepared), with its way back.
Variable record_conv(const Variable& x, const Variable& w, const Variable& b, const Window& window, const Tensor& input,
                     Tensor y) {
  const Tensor weight = w.value();
  std::vector<Variable> inputs{x, w};
  if (b.defined()) inputs.push_back(b);
  return record("conv2d", std::move(y), std::move(inputs),
                [=, biased = b.defined()](const Tensor& dy, Gradients& into) {
                  into.add(0, [&] { return ops::conv2d_input_gradient(dy, weight, input.shape(), window); });
                  into.add(1, [&] { return ops::conv2d_weight_gradient(input, dy, weight.shape(), window); });
                  if (biased) into.add(2, [&] { return ops::channel_sum(dy); });
                });
}

}  // namespace

Variable conv2d(const Variable& x, const Variable& w, const Variable& b, const Window& window, const ConvTail& tail) {
  if (is_recorded(x, w, b, tail)) {
    Variable y = conv2d(x, w, b, window);
    if (tail.residual.defined()) y = add(y, tail.residual);
    return tail.relu ? relu(y) : y;
  }
  const ops::ConvEpilogue epilogue{
      .bias = value_or_none(b), .residual = value_or_none(tail.residual), .relu = tail.relu, .packed = tail.packed};
  return record("conv2d", ops::conv2d(conv2d_operand(x.value(), w.shape(), window), w.value(), window, epilogue), {},
                Backward());
}

Variable conv2d(const Variable& x, const Variable& w, const Variable& b, const Window& window) {
  const Tensor input = conv2d_operand(x.value(), w.shape(), window);
  return record_conv(x, w, b, window, input, ops::conv2d(input, w.value(), window, {.bias = value_or_none(b)}));
}

MeasuredVariable conv2d_measured(const Variable& x, const Variable& w, const Variable& b, const Window& window,
                                 const Tensor& pivot) {
  const Tensor input = conv2d_operand(x.value(), w.shape(), window);
  if (b.defined() || !input.is_lanes()) return {conv2d(x, w, b, window), {}};
  ops::MeasuredConv conv = ops::conv2d_measured(input, w.value(), window, pivot);
  return {record_conv(x, w, b, window, input, std::move(conv.y)), std::move(conv.moments)};
}

}  // namespace pith
