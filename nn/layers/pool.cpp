#include "nn/layers/pool.h"

#include "autograd/ops/pool2d.h"
#include "autograd/ops/shape.h"

namespace pith::nn {
namespace {

Window pool_window(const PoolOptions& o) {
  const int64_t stride = o.stride == 0 ? o.kernel : o.stride;
  return {.stride = {stride, stride}, .padding = {o.padding, o.padding}};
}

}  // namespace

MaxPool2d::MaxPool2d(const PoolOptions& o) : kernel_{o.kernel, o.kernel}, window_(pool_window(o)) {}
Variable MaxPool2d::forward(const Variable& x) { return max_pool2d(x, kernel_, window_); }

AvgPool2d::AvgPool2d(const PoolOptions& o) : kernel_{o.kernel, o.kernel}, window_(pool_window(o)) {}
Variable AvgPool2d::forward(const Variable& x) { return average_pool2d(x, kernel_, window_); }

Variable GlobalAvgPool::forward(const Variable& x) { return global_average_pool(x); }

Variable Flatten::forward(const Variable& x) { return flatten(x); }

}  // namespace pith::nn
