#include "nn/apply.h"

#include "autograd/ops/masked.h"
#include "autograd/ops/masked_conv2d.h"
#include "autograd/ops/masked_matmul.h"
#include "autograd/ops/matmul.h"

namespace pith::nn {
namespace {

Variable optional(const Parameter* p) { return p == nullptr ? Variable() : in_use(*p); }

}  // namespace

Variable in_use(const Parameter& p) {
  if (p.mask() && gradients_enabled()) return masked(p.variable(), p.mask());
  return p.variable();
}

Variable apply_linear(const Variable& x, const Parameter& w, const Parameter* b) {
  if (w.mask()) return masked_linear(x, w.variable(), optional(b), w.mask(), w.crossover);
  return linear(x, w.variable(), optional(b));
}

Variable apply_conv(const Variable& x, const Parameter& w, const Parameter* b, const Window& window,
                    const ConvTail& tail) {
  if (w.mask()) return masked_conv2d(x, w.variable(), optional(b), w.mask(), window, tail, w.crossover);
  ConvTail with_weights = tail;
  with_weights.packed = w.packed();
  return conv2d(x, in_use(w), optional(b), window, with_weights);
}

MeasuredVariable apply_conv_measured(const Variable& x, const Parameter& w, const Parameter* b, const Window& window,
                                     const Tensor& pivot) {
  if (w.mask()) return masked_conv2d_measured(x, w.variable(), optional(b), w.mask(), window, pivot, w.crossover);
  return conv2d_measured(x, in_use(w), optional(b), window, pivot);
}

}  // namespace pith::nn
