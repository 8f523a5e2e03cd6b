#include "autograd/ops/activation.h"

#include <cmath>
#include <string>

#include "tensor/error.h"
#include "tensor/ops/dropout.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/map.h"

namespace pith {
namespace {

/// y = f(x), keeping the argument or the result for the way back, whichever the slope is made of.
Variable activated(std::string_view name, const ops::Map& f, const Variable& x) {
  Tensor y = ops::map(f, x.value());
  const Tensor kept = ops::gradient_reads_result(f) ? y : x.value();
  return record(name, std::move(y), {x}, [f, kept](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return ops::map_gradient(f, kept, dy); });
  });
}

}  // namespace

Variable relu(const Variable& x) { return activated("relu", {MapKind::relu, 0, 0}, x); }

Variable clipped_relu(const Variable& x, double limit) {
  if (!(limit > 0)) throw ArgumentError("clipped_relu: the limit must be above 0, it is " + std::to_string(limit));
  return activated("clipped_relu", {MapKind::clip, limit, 0}, x);
}

Variable pact(const Variable& x, const Variable& alpha) {
  if (!(alpha.shape() == Shape{1}) || alpha.value().dtype() != x.value().dtype())
    throw ShapeError("pact: alpha must be [1] of the type of x, here are " + text(alpha.value()) + " and " +
                     text(x.value()));
  const ops::Map f{MapKind::clip, alpha.value().item(), 0};
  Tensor y = ops::map(f, x.value());
  return record("pact", y, {x, alpha}, [f, y, limit = alpha.value()](const Tensor& dy, Gradients& into) {
    into.add(1, [&] { return ops::clip_limit_gradient(y, limit, dy); });  // first: the other may overwrite dy
    into.add(0, [&] { return ops::map_gradient(f, y, dy); });
  });
}

Variable leaky_relu(const Variable& x, double slope) { return activated("leaky_relu", {MapKind::leaky, slope, 0}, x); }
Variable sigmoid(const Variable& x) { return activated("sigmoid", {MapKind::sigmoid, 0, 0}, x); }
Variable tanh(const Variable& x) { return activated("tanh", {MapKind::tanh, 0, 0}, x); }

Variable dropout(const Variable& x, double p, const DropoutKey& key) {
  const Tensor mask = ops::dropout_mask(x.value(), p, {key.seed, Purpose::dropout, key.epoch, key.item});
  return record("dropout", ops::mul(x.value(), mask), {x},
                [mask](const Tensor& dy, Gradients& into) { into.add(0, [&] { return ops::mul(dy, mask); }); });
}

}  // namespace pith
