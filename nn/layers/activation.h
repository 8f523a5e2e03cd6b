// Element-wise activations as layers. x: any shape, f32 or f64; y has its shape.
#pragma once

#include "nn/module.h"

namespace pith::nn {

/// max(x, 0).
class ReLU : public Module {
 public:
  std::string_view type() const override { return "ReLU"; }

 protected:
  Variable forward(const Variable& x) override;
};

/// min(max(x, 0), limit); ReLU6 by default. Throws ArgumentError unless limit > 0 and finite.
class ClippedReLU : public Module {
 public:
  explicit ClippedReLU(double limit = 6);
  std::string_view type() const override { return limit_ == 6 ? "ReLU6" : "ClippedReLU"; }
  double limit() const { return limit_; }

 protected:
  Variable forward(const Variable& x) override;

 private:
  double limit_;
};

/// PACT (Choi et al. 2018): min(max(x, 0), alpha) with the learned parameter alpha [1].
class PACT : public Module {
 public:
  explicit PACT(double initial = 8);
  std::string_view type() const override { return "PACT"; }

 protected:
  Variable forward(const Variable& x) override;

 private:
  Parameter& alpha_;
};

/// x where x > 0, slope * x elsewhere.
class LeakyReLU : public Module {
 public:
  explicit LeakyReLU(double slope = 0.01) : slope_(slope) {}
  std::string_view type() const override { return "LeakyReLU"; }

 protected:
  Variable forward(const Variable& x) override;

 private:
  double slope_;
};

class Sigmoid : public Module {
 public:
  std::string_view type() const override { return "Sigmoid"; }

 protected:
  Variable forward(const Variable& x) override;
};

class Tanh : public Module {
 public:
  std::string_view type() const override { return "Tanh"; }

 protected:
  Variable forward(const Variable& x) override;
};

/// Along the last axis; plain order.
class Softmax : public Module {
 public:
  std::string_view type() const override { return "Softmax"; }

 protected:
  Variable forward(const Variable& x) override;
};

}  // namespace pith::nn
