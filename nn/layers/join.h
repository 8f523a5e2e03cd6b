// Joins as layers with names of their own, so that module lists and taps see them.
#pragma once

#include <vector>

#include "nn/module.h"

namespace pith::nn {

/// a + b, element by element: the end of a residual block. Distiller lists it as EltwiseAdd.
class EltwiseAdd : public Module {
 public:
  std::string_view type() const override { return "EltwiseAdd"; }
  /// Two inputs of one shape; a tap sees the first as x.
  Variable call(const Variable& a, const Variable& b);
  /// For a tap, while it looks: the second input. Undefined at any other time.
  const Variable& other() const { return other_; }

 protected:
  /// Throws Error: one operand is missing.
  Variable forward(const Variable& x) override;

 private:
  Variable other_;
};

/// Inputs side by side along axis 1 (channels): the end of an Inception block.
class Concat : public Module {
 public:
  std::string_view type() const override { return "Concat"; }
  Variable call(const std::vector<Variable>& xs);
  /// For a tap, while it looks: all inputs. Empty at any other time.
  const std::vector<Variable>& inputs() const { return inputs_; }

 protected:
  /// Of one input: itself.
  Variable forward(const Variable& x) override { return x; }

 private:
  std::vector<Variable> inputs_;
};

}  // namespace pith::nn
