#include "autograd/ops/masked_matmul.h"

#include <string>
#include <utility>

#include "autograd/ops/masked.h"
#include "autograd/ops/matmul.h"
#include "tensor/error.h"
#include "tensor/formats/masked_product.h"
#include "tensor/ops/conv2d.h"

namespace pith {
namespace {

/// 2 to 15 columns cost what 16 do, so they count as the share of a line that they fill.
bool is_sparse(const Mask& keep, const Tensor& w, int64_t n, const SparseCrossover& crossover) {
  if (w.dtype() != DType::f32) return false;
  const double panels = n >= 16 ? crossover.panels : crossover.panels * static_cast<double>(n) / 16;
  return keep.density() < (n == 1 ? crossover.vector : panels);
}

void check(const char* op, const Variable& w, const Mask& keep) {
  if (!(w.shape() == keep.shape()) || w.shape().rank() != 2)
    throw ShapeError(std::string(op) + ": wants a weight of two axes and a mask of its shape, here are " +
                     text(w.shape()) + " and " + text(keep.shape()));
}

/// [..., features] as rows [n, features].
Tensor rows(const Tensor& x) {
  if (x.shape().rank() == 2) return x;
  const int64_t features = x.shape()[-1];
  return to_plain(x).view(Shape{features == 0 ? 0 : x.numel() / features, features});
}

Tensor like_rows(const Tensor& y, const Shape& like) {
  return like.rank() == 2 ? y : y.view(like.with(-1, y.shape()[1]));
}

}  // namespace

Variable masked_linear(const Variable& x, const Variable& w, const Variable& b, std::shared_ptr<const Mask> keep,
                       const SparseCrossover& crossover) {
  check("masked_linear", w, *keep);
  if (x.shape().rank() < 2) throw ShapeError("masked_linear: x needs two axes or more, it is " + text(x.value()));
  const Tensor xv = rows(x.value()), wv = w.value().contiguous();
  const bool one = !xv.is_lanes() && xv.shape()[0] == 1;
  const int64_t n = one ? 1 : xv.is_lanes() ? 16 : xv.shape()[0];
  if (!is_sparse(*keep, wv, n, crossover)) return linear(x, masked_operand(w, keep), b);
  const Shape shape = x.shape();
  Tensor y = like_rows(masked_linear(*keep, wv, xv, b.defined() ? b.value() : Tensor()), shape);
  std::vector<Variable> inputs{x, w};
  if (b.defined()) inputs.push_back(b);
  return record("masked_linear", std::move(y), std::move(inputs),
                [=, keep = std::move(keep), biased = b.defined()](const Tensor& gradient, Gradients& into) {
                  const Tensor dy = rows(gradient);
                  into.add(0, [&] { return like_rows(masked_linear_input_gradient(*keep, wv, dy), shape); });
                  into.add(1, [&] { return masked_linear_weight_gradient(*keep, xv, dy); });
                  if (biased) into.add(2, [&] { return ops::channel_sum(dy); });
                });
}

Variable masked_matmul(const Variable& w, std::shared_ptr<const Mask> keep, const Variable& x,
                       const SparseCrossover& crossover) {
  check("masked_matmul", w, *keep);
  const Tensor xv = to_plain(x.value()), wv = w.value().contiguous();
  const int64_t n = xv.shape().rank() == 2 ? xv.shape()[1] : 0;
  if (n < 2 || !is_sparse(*keep, wv, n, crossover)) return matmul(masked_operand(w, keep), x);
  Tensor y = masked_matmul(*keep, wv, xv);  // before the closure takes keep
  return record("masked_matmul", std::move(y), {w, x}, [=, keep = std::move(keep)](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return masked_matmul_weight_gradient(*keep, dy, xv); });
    into.add(1, [&] { return masked_matmul_transposed(*keep, wv, dy); });
  });
}

}  // namespace pith
