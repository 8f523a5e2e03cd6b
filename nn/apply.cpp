#include "nn/apply.h"

#include "autograd/ops/masked.h"
#include "autograd/ops/masked_conv2d.h"
#include "autograd/ops/masked_matmul.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/whole_linear.h"

namespace pith::nn {
namespace {

Variable optional(const Parameter* p) { return p == nullptr ? Variable() : in_use(*p); }

/// A weight in whole numbers, and the real ones that they stand for where a gradient will ask for them.
struct Whole {
  Variable real;
  std::shared_ptr<const PackedMatrix> packed;
};

Whole whole(const Parameter& p) {
  if (!gradients_enabled()) return {p.variable(), p.whole()};
  const Variable real = whole_values(in_use(p), p.step().variable(), p.whole_bits());
  return {real, p.whole(real.value())};
}

/// Of the looked-up rows alone.
Variable whole_rows(const Parameter& w, const Tensor& indices) {
  const Tensor flat = indices.contiguous().view(Shape{indices.numel()});
  const Variable steps = embedding(reshape(w.step().variable(), Shape{w.shape()[0], 1}), flat);
  const Variable rows = embedding(in_use(w), flat);
  std::vector<int64_t> shape(indices.shape().extents().begin(), indices.shape().extents().end());
  shape.push_back(w.shape()[1]);
  return reshape(whole_values(rows, reshape(steps, flat.shape()), w.whole_bits()), Shape(shape));
}

}  // namespace

Variable in_use(const Parameter& p) {
  if (p.mask() && gradients_enabled()) return masked(p.variable(), p.mask());
  return p.variable();
}

Variable apply_linear(const Variable& x, const Parameter& w, const Parameter* b) {
  if (w.whole_bits() > 0) {
    const auto [real, packed] = whole(w);
    return whole_linear(x, real, optional(b), packed);
  }
  if (w.mask()) return masked_linear(x, w.variable(), optional(b), w.mask(), w.crossover);
  return linear(x, w.variable(), optional(b));
}

Variable apply_embedding(const Parameter& w, const Tensor& indices) {
  if (w.whole_bits() == 0) return embedding(in_use(w), indices);
  return gradients_enabled() ? whole_rows(w, indices) : Variable(packed_embedding(*w.whole(), indices));
}

LstmWeights apply_lstm(const Parameter& w_ih, const Parameter& w_hh, const Parameter& b_ih, const Parameter& b_hh) {
  if (w_ih.whole_bits() == 0 || w_hh.whole_bits() == 0) return {in_use(w_ih), in_use(w_hh), in_use(b_ih), in_use(b_hh)};
  const Whole ih = whole(w_ih), hh = whole(w_hh);
  return {ih.real, hh.real, in_use(b_ih), in_use(b_hh), ih.packed, hh.packed};
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
