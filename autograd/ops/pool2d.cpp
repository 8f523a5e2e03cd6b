#include "autograd/ops/pool2d.h"

#include "tensor/error.h"
#include "tensor/ops/pool2d.h"

namespace pith {
namespace {

Variable averaged(std::string_view name, const Variable& x, const ops::PoolKernel& kernel, const Window& window) {
  return record(name, ops::average_pool2d(x.value(), kernel, window), {x},
                [kernel, window, shape = x.shape()](const Tensor& dy, Gradients& into) {
                  into.add(0, [&] { return ops::average_pool2d_gradient(dy, shape, kernel, window); });
                });
}

}  // namespace

Variable max_pool2d(const Variable& x, std::array<int64_t, 2> kernel, const Window& window) {
  const Tensor input = x.value();
  Tensor y = ops::max_pool2d(input, kernel, window);
  const Tensor largest = y;
  return record("max_pool2d", std::move(y), {x}, [=](const Tensor& dy, Gradients& into) {
    into.add(0, [&] { return ops::max_pool2d_gradient(input, largest, dy, kernel, window); });
  });
}

Variable average_pool2d(const Variable& x, std::array<int64_t, 2> kernel, const Window& window) {
  return averaged("average_pool2d", x, kernel, window);
}

Variable global_average_pool(const Variable& x) {
  if (x.shape().rank() != 4)
    throw ShapeError("global_average_pool: wants an image [n, c, h, w], here is " + text(x.shape()));
  return averaged("global_average_pool", x, {x.shape()[2], x.shape()[3]}, {});
}

}  // namespace pith
