// Layers with two inputs, for networks made by hand.
#pragma once

#include <memory>

#include "nn/layers/activation.h"
#include "nn/layers/join.h"
#include "nn/layers/sequential.h"

namespace pith::test {

/// relu(body(x) + x), or body(x) + x.
class Residual : public nn::Module {
 public:
  Residual(std::unique_ptr<nn::Sequential> body, bool relu) {
    body_ = &add_module("body", std::move(body));
    add_ = &add_module("add", std::make_unique<nn::EltwiseAdd>());
    if (relu) relu_ = &add_module("relu", std::make_unique<nn::ReLU>());
  }
  std::string_view type() const override { return "Residual"; }

 protected:
  Variable forward(const Variable& x) override {
    const Variable y = add_->call(body_->call(x), x);
    return relu_ != nullptr ? relu_->call(y) : y;
  }

 private:
  nn::Sequential* body_;
  nn::EltwiseAdd* add_;
  nn::ReLU* relu_ = nullptr;
};

/// a(x) and b(x), side by side.
class Branches : public nn::Module {
 public:
  Branches(std::unique_ptr<nn::Sequential> a, std::unique_ptr<nn::Sequential> b) {
    a_ = &add_module("a", std::move(a));
    b_ = &add_module("b", std::move(b));
    concat_ = &add_module("concat", std::make_unique<nn::Concat>());
  }
  std::string_view type() const override { return "Branches"; }

 protected:
  Variable forward(const Variable& x) override { return concat_->call({a_->call(x), b_->call(x)}); }

 private:
  nn::Sequential *a_, *b_;
  nn::Concat* concat_;
};

}  // namespace pith::test
