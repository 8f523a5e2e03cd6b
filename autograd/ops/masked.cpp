#include "autograd/ops/masked.h"

#include <utility>

#include "tensor/error.h"

namespace pith {

Variable masked(const Variable& w, std::shared_ptr<const Mask> keep) {
  if (!(w.shape() == keep->shape()))
    throw ShapeError("masked: mask " + text(keep->shape()) + " does not fit weight " + text(w.shape()));
  return record("masked", w.value(), {w}, [keep = std::move(keep)](const Tensor& dy, Gradients& into) {
    into.add(0, [&] {
      Tensor dw = to_plain(dy);
      if (dw.shares_storage_with(dy)) dw = dw.clone();
      zero_pruned(*keep, dw);
      return dw;
    });
  });
}

Variable masked_operand(const Variable& w, const std::shared_ptr<const Mask>& keep) {
  if (w.value().dtype() == DType::f32) return masked(w, keep);
  Tensor zeroed = w.value().contiguous().clone();
  zero_pruned(*keep, zeroed);
  return record("masked", zeroed, {w}, [keep](const Tensor& dy, Gradients& into) {
    into.add(0, [&] {
      Tensor dw = to_plain(dy).clone();
      zero_pruned(*keep, dw);
      return dw;
    });
  });
}

}  // namespace pith
