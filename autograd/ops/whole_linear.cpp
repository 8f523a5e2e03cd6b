#include "autograd/ops/whole_linear.h"

#include <cmath>
#include <utility>
#include <vector>

#include "autograd/ops/arithmetic.h"
#include "autograd/ops/quantize.h"
#include "autograd/ops/shape.h"
#include "tensor/error.h"
#include "tensor/formats/packed_matrix.h"
#include "tensor/formats/quant_params.h"
#include "tensor/ops/linear_s8_rows.h"
#include "tensor/ops/matmul.h"
#include "tensor/ops/reduce.h"

namespace pith {

Variable whole_values(const Variable& w, const Variable& step, int bits) {
  const int64_t rows = w.shape()[0], each = rows == 0 ? 0 : w.value().numel() / rows;
  const double highest = highest_level(bits);
  const Variable used = positive_step(step, 1 / std::sqrt(static_cast<double>(each) * highest));
  const Variable levels = weight_levels(w, used, {.lowest = -highest, .highest = highest});
  std::vector<int64_t> column(static_cast<size_t>(w.shape().rank()), 1);
  column[0] = rows;
  return mul(levels, reshape(used, Shape(column)));
}

Variable whole_linear(const Variable& x, const Variable& w, const Variable& b,
                      const std::shared_ptr<const PackedMatrix>& packed) {
  if (x.shape().rank() < 2) throw ShapeError("whole_linear: x needs two axes or more, it is " + text(x.shape()));
  const Shape shape = x.shape();
  const int64_t in = shape[-1];
  const Tensor rows = to_plain(x.value()).view(Shape{in == 0 ? 0 : x.value().numel() / in, in});
  Tensor y = packed->linear(rows, b.defined() ? b.value() : Tensor()).view(shape.with(-1, packed->rows()));
  std::vector<Variable> inputs{x, w};
  if (b.defined()) inputs.push_back(b);
  return record("whole_linear", std::move(y), std::move(inputs),
                [rows, shape, weight = w.value(), biased = b.defined()](const Tensor& gradient, Gradients& into) {
                  const Tensor dy = to_plain(gradient).view(Shape{rows.shape()[0], weight.shape()[0]});
                  into.add(0, [&] { return ops::matmul(dy, weight).view(shape); });
                  into.add(1, [&] { return ops::matmul_tn(dy, ops::byte_rounded(rows)); });
                  if (biased) into.add(2, [&] { return ops::sum(dy, 0, false); });
                });
}

}  // namespace pith
