// A module with one parameter "weight": what tests of parameters and optimizers move.
#pragma once

#include <utility>

#include "nn/module.h"

namespace pith::test {

class Single : public nn::Module {
 public:
  explicit Single(Tensor initial) : weight_(add_parameter("weight", std::move(initial))) {}
  std::string_view type() const override { return "Single"; }
  nn::Parameter& weight() { return weight_; }

 protected:
  Variable forward(const Variable& x) override { return x; }

 private:
  nn::Parameter& weight_;
};

}  // namespace pith::test
