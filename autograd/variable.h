// Variable: a value that remembers how it was made. record() is how an operation joins the graph; backward() walks the
// recorded closures in reverse. Reverse-mode differentiation in ten lines: README.md of this folder.
//
// Ownership: a Variable is a shared handle to a Node; a Node owns its inputs and the closure for the way back. A closure
// captures Tensors and input handles, never its own output, so a graph has no circle and dies with its last reader.
// One graph belongs to one thread; kernels inside an operation may use many.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "tensor/ops/accumulate.h"
#include "tensor/tensor.h"

namespace pith {

struct Node;

class Variable {
 public:
  /// No value: defined() is false.
  Variable() = default;
  /// A leaf. f32 or f64; a gradient is kept for it if `requires_gradient`.
  explicit Variable(Tensor value, bool requires_gradient = false);

  bool defined() const { return node_ != nullptr; }
  const Tensor& value() const;
  const Shape& shape() const { return value().shape(); }
  bool requires_gradient() const;
  /// The gradient that backward() left on a leaf; undefined before that.
  const Tensor& gradient() const;
  /// Forgets the gradient of a leaf.
  void clear_gradient();
  /// Adds to a leaf's gradient, or sets it. Same shape as the value.
  void add_gradient(const Tensor& g);
  /// Replaces a leaf's value (the optimizer does); same shape and type. Throws Error on a recorded Variable.
  void set_value(Tensor value);
  /// The same value without history.
  Variable detach() const;

  /// Runs every recorded closure behind this scalar once, in reverse order, and frees them. The gradients of leaves are
  /// added to what they hold. Throws Error if the value is not one element or the graph was used before.
  void backward() const;
  /// The same from a given gradient of this Variable's shape.
  void backward(const Tensor& gradient) const;

 private:
  friend struct Recorder;
  friend class Gradients;
  std::shared_ptr<Node> node_;
};

/// Where a closure puts the gradients of its operation's inputs.
class Gradients {
 public:
  /// Does input i want a gradient? Ask before computing something shared by several inputs.
  bool wants(size_t i) const;
  /// Adds the gradient that `compute` returns to input i, if that input wants one. It may come in either order of
  /// memory; its shape must be the input's.
  template <class F>
  void add(size_t i, const F& compute) {
    if (wants(i)) add_now(i, compute());
  }
  void add_now(size_t i, Tensor gradient);

 private:
  friend class Variable;
  explicit Gradients(Node& node) : node_(node) {}
  Node& node_;
};

/// The way back of an operation: dy has the output's shape.
using Backward = std::function<void(const Tensor& dy, Gradients& into)>;

/// The same for an operation whose own pass adds up a gradient that comes in two parts, as behind a fork.
using BackwardOfParts = std::function<void(const ops::GradientParts& dy, Gradients& into)>;

/// Joins `value`, computed from `inputs` by the operation `name`, to the graph. `backward` is kept only if an input
/// wants a gradient and gradients are on; so are the inputs. In anomaly mode throws NumericError naming the operation
/// and the layer when `value` is not finite.
Variable record(std::string_view name, Tensor value, std::vector<Variable> inputs, Backward backward);
Variable record(std::string_view name, Tensor value, std::vector<Variable> inputs, BackwardOfParts backward);

/// Are operations recorded in this thread?
bool gradients_enabled();

/// Switches recording off in this thread while it lives: inference.
class NoGradient {
 public:
  NoGradient();
  ~NoGradient();
  NoGradient(const NoGradient&) = delete;
  NoGradient& operator=(const NoGradient&) = delete;

 private:
  bool before_;
};

/// While one lives, record() and backward() check every value and gradient and throw NumericError for the first that is
/// not finite, naming operation and layer. Slow; for finding the place. Per thread.
class DetectAnomaly {
 public:
  DetectAnomaly();
  ~DetectAnomaly();
  DetectAnomaly(const DetectAnomaly&) = delete;
  DetectAnomaly& operator=(const DetectAnomaly&) = delete;

 private:
  bool before_;
};

/// The dotted name of the layer that runs now in this thread: operations recorded under it carry it.
class LayerScope {
 public:
  explicit LayerScope(std::string_view name);
  ~LayerScope();
  LayerScope(const LayerScope&) = delete;
  LayerScope& operator=(const LayerScope&) = delete;

 private:
  size_t before_;
};

/// "layer1.0.conv2", or "" outside every layer.
std::string_view current_layer();

}  // namespace pith
