#include "autograd/ops/masked_conv2d.h"

#include <utility>

#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/masked.h"
#include "tensor/error.h"
#include "tensor/formats/masked_conv.h"

namespace pith {
namespace {

void check(const Variable& w, const Mask& keep) {
  if (!(w.shape() == keep.shape()) || w.shape().rank() != 4)
    throw ShapeError("masked_conv2d: wants a weight [k, c, kh, kw] and a mask of its shape, here are " +
                     text(w.shape()) + " and " + text(keep.shape()));
}

/// x as the sparse road wants it; undefined where the dense one is taken.
Tensor sparse_operand(const Variable& x, const Variable& w, const Mask& keep, const Window& window,
                      const SparseCrossover& crossover) {
  if (x.value().dtype() != DType::f32 || w.value().dtype() != DType::f32 || keep.density() >= crossover.window)
    return {};
  Tensor input = conv2d_operand(x.value(), w.shape(), window);
  return input.is_plain() ? Tensor() : input;
}

Tensor value_or_none(const Variable& v) { return v.defined() ? v.value() : Tensor(); }

/// y, made of `input` and `weight`, with its way back on the kept weights.
Variable record_sparse(std::vector<Variable> inputs, std::shared_ptr<const Mask> keep, const Window& window,
                       const Tensor& input, const Tensor& weight, Tensor y) {
  const bool biased = inputs.size() > 2;
  return record("masked_conv2d", std::move(y), std::move(inputs),
                [=, keep = std::move(keep)](const Tensor& gradient, Gradients& into) {
                  const Tensor dy = gradient.is_lanes() ? gradient : to_lanes(gradient, 1);
                  if (into.wants(0) && into.wants(1)) {
                    ops::SparseConvGradients both = masked_conv2d_gradients(*keep, weight, input, dy, window);
                    into.add_now(0, std::move(both.x));
                    into.add_now(1, std::move(both.w));
                    if (biased) into.add(2, [&] { return ops::channel_sum(dy); });
                    return;
                  }
                  into.add(0, [&] { return masked_conv2d_input_gradient(*keep, weight, dy, input.shape(), window); });
                  into.add(1, [&] { return masked_conv2d_weight_gradient(*keep, input, dy, window); });
                  if (biased) into.add(2, [&] { return ops::channel_sum(dy); });
                });
}

std::vector<Variable> inputs_of(const Variable& x, const Variable& w, const Variable& b) {
  std::vector<Variable> inputs{x, w};
  if (b.defined()) inputs.push_back(b);
  return inputs;
}

bool is_recorded(const std::vector<Variable>& inputs, const ConvTail& tail) {
  if (!gradients_enabled()) return false;
  for (const Variable& v : inputs)
    if (v.requires_gradient()) return true;
  return tail.residual.requires_gradient();
}

Variable with_tail(Variable y, const ConvTail& tail) {
  if (tail.residual.defined()) y = add(y, tail.residual);
  return tail.relu ? relu(y) : y;
}

}  // namespace

Variable masked_conv2d(const Variable& x, const Variable& w, const Variable& b, std::shared_ptr<const Mask> keep,
                       const Window& window, const ConvTail& tail, const SparseCrossover& crossover) {
  check(w, *keep);
  const Tensor input = sparse_operand(x, w, *keep, window, crossover), weight = w.value().contiguous();
  if (!input.defined()) return conv2d(x, masked_operand(w, keep), b, window, tail);
  std::vector<Variable> inputs = inputs_of(x, w, b);
  const bool recorded = is_recorded(inputs, tail);
  ops::ConvEpilogue epilogue{.bias = value_or_none(b)};
  if (!recorded) epilogue.residual = value_or_none(tail.residual), epilogue.relu = tail.relu;
  Tensor y = masked_conv2d(*keep, weight, input, window, epilogue);
  Variable result = record_sparse(std::move(inputs), std::move(keep), window, input, weight, std::move(y));
  return recorded ? with_tail(std::move(result), tail) : result;
}

MeasuredVariable masked_conv2d_measured(const Variable& x, const Variable& w, const Variable& b,
                                        std::shared_ptr<const Mask> keep, const Window& window, const Tensor& pivot,
                                        const SparseCrossover& crossover) {
  check(w, *keep);
  const Tensor input = sparse_operand(x, w, *keep, window, crossover), weight = w.value().contiguous();
  if (!input.defined()) return conv2d_measured(x, masked_operand(w, keep), b, window, pivot);
  if (b.defined() || !input.is_lanes()) return {masked_conv2d(x, w, b, std::move(keep), window, {}, crossover), {}};
  ops::MeasuredConv conv = masked_conv2d_measured(*keep, weight, input, window, pivot);
  return {record_sparse({x, w}, std::move(keep), window, input, weight, std::move(conv.y)), std::move(conv.moments)};
}

}  // namespace pith
