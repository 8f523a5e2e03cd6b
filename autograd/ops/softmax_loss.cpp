#include "autograd/ops/softmax_loss.h"

#include <string>

#include "autograd/ops/arithmetic.h"
#include "tensor/error.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/map.h"
#include "tensor/ops/reduce.h"
#include "tensor/ops/softmax.h"

namespace pith {

Variable softmax_cross_entropy(const Variable& logits, const Tensor& labels, double smoothing) {
  if (!(smoothing >= 0 && smoothing <= 1))
    throw ArgumentError("softmax_cross_entropy: smoothing " + std::to_string(smoothing) + " is not in [0, 1]");
  const Tensor x = logits.value();
  const ops::CrossEntropy forward = ops::cross_entropy(x, labels, smoothing);
  return record("softmax_cross_entropy", Tensor::full({}, forward.loss, x.dtype()), {logits},
                [=](const Tensor& dy, Gradients& into) {
                  into.add(0, [&] { return ops::cross_entropy_gradient(x, labels, smoothing, forward, dy.item()); });
                });
}

Variable softmax(const Variable& x) {
  const Tensor y = ops::softmax(x.value());
  return record("softmax", y, {x},
                [y](const Tensor& dy, Gradients& into) { into.add(0, [&] { return ops::softmax_gradient(y, dy); }); });
}

Variable log_softmax(const Variable& x) {
  const Tensor y = ops::log_softmax(x.value());
  return record("log_softmax", y, {x}, [y](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return ops::log_softmax_gradient(y, dy); });
  });
}

Variable nll_loss(const Variable& log_probabilities, const Tensor& labels) {
  const Tensor& x = log_probabilities.value();
  return record("nll_loss", Tensor::full({}, ops::nll(x, labels), x.dtype()), {log_probabilities},
                [labels, shape = x.shape(), dtype = x.dtype()](const Tensor& dy, Gradients& into) {
                  into.add(0, [&] { return ops::nll_gradient(shape, dtype, labels, dy.item()); });
                });
}

Variable mse_loss(const Variable& x, const Variable& target) {
  if (!(x.shape() == target.shape()))
    throw ShapeError("mse_loss: the target " + text(target.shape()) + " must have the shape of x " + text(x.shape()));
  const Tensor difference = ops::sub(x.value(), target.value());
  const double share = 1 / static_cast<double>(difference.numel());
  const Tensor total = ops::sum(ops::mul(difference, difference));
  return record("mse_loss", ops::map({MapKind::affine, share, 0}, total), {x, target},
                [difference, share](const Tensor& dy, Gradients& into) {
                  const double factor = 2 * share * dy.item();
                  into.add(0, [&] { return ops::map({MapKind::affine, factor, 0}, difference); });
                  into.add(1, [&] { return ops::map({MapKind::affine, -factor, 0}, difference); });
                });
}

Variable distillation_loss(const Variable& student_logits, const Tensor& teacher_logits, double temperature) {
  if (!(student_logits.shape() == teacher_logits.shape()) || teacher_logits.shape().rank() != 2)
    throw ShapeError("distillation_loss: student " + text(student_logits.shape()) + " and teacher " +
                     text(teacher_logits.shape()) + " must both be one [n, classes]");
  if (!(temperature > 0))
    throw ArgumentError("distillation_loss: temperature must be above 0, it is " + std::to_string(temperature));
  const ops::Map soften{MapKind::affine, 1 / temperature, 0};
  const Tensor log_p = ops::log_softmax(ops::map(soften, teacher_logits));
  const Tensor log_q = ops::log_softmax(ops::map(soften, student_logits.value()));
  const Tensor p = ops::map({MapKind::exp, 0, 0}, log_p);
  const double n = static_cast<double>(p.shape()[0]), square = temperature * temperature;
  const Tensor total = ops::sum(ops::mul(p, ops::sub(log_p, log_q)));
  return record("distillation_loss", ops::map({MapKind::affine, square / n, 0}, total), {student_logits},
                [p, log_q, temperature, n](const Tensor& dy, Gradients& into) {
                  into.add(0, [&] {  // d/dz = T (q - p) / n
                    const Tensor q = ops::map({MapKind::exp, 0, 0}, log_q);
                    return ops::map({MapKind::affine, dy.item() * temperature / n, 0}, ops::sub(q, p));
                  });
                });
}

}  // namespace pith
