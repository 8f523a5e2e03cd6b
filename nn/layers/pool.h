// Pooling layers. x [n, c, h, w] -> [n, c, oh, ow].
#pragma once

#include <array>

#include "nn/module.h"
#include "tensor/shape.h"

namespace pith::nn {

/// A square pooling window. stride 0: the kernel's extent.
struct PoolOptions {
  int64_t kernel = 2;
  int64_t stride = 0;
  int64_t padding = 0;
};

class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(const PoolOptions& options);
  std::string_view type() const override { return "MaxPool2d"; }
  const std::array<int64_t, 2>& kernel() const { return kernel_; }
  const Window& window() const { return window_; }

 protected:
  Variable forward(const Variable& x) override;

 private:
  std::array<int64_t, 2> kernel_;
  Window window_;
};

/// Padded zeros count, as in PyTorch's default.
class AvgPool2d : public Module {
 public:
  explicit AvgPool2d(const PoolOptions& options);
  std::string_view type() const override { return "AvgPool2d"; }
  const Window& window() const { return window_; }

 protected:
  Variable forward(const Variable& x) override;

 private:
  std::array<int64_t, 2> kernel_;
  Window window_;
};

/// Mean over each whole plane: [n, c, h, w] -> [n, c, 1, 1]. `type` is what module lists call it: PyTorch says
/// AdaptiveAvgPool2d, and AvgPool2d where the kernel happens to cover the plane.
class GlobalAvgPool : public Module {
 public:
  explicit GlobalAvgPool(std::string_view type = "AdaptiveAvgPool2d") : type_(type) {}
  std::string_view type() const override { return type_; }

 protected:
  Variable forward(const Variable& x) override;

 private:
  std::string_view type_;  // a literal
};

/// [n, c, h, w] -> [n, c h w], in PyTorch's feature order.
class Flatten : public Module {
 public:
  std::string_view type() const override { return "Flatten"; }

 protected:
  Variable forward(const Variable& x) override;
};

}  // namespace pith::nn
