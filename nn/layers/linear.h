// Linear: y = x w^T + b.
#pragma once

#include "nn/module.h"

namespace pith::nn {

/// weight [out, in], bias [out]. x [n, in] (or [..., in] plain) -> [n, out]. A freshly made layer holds zeros:
/// nn/init.h fills it.
class Linear : public Module {
 public:
  enum class Bias : bool { none, yes };
  Linear(int64_t in, int64_t out, Bias bias = Bias::yes);
  /// With another layer's weight, which must live as long; only the bias is this layer's own.
  explicit Linear(Parameter& shared_weight);
  std::string_view type() const override { return "Linear"; }

  Parameter& weight() { return weight_; }
  Parameter* bias() { return bias_; }

 protected:
  Variable forward(const Variable& x) override;

 private:
  Parameter& weight_;
  Parameter* bias_;
};

}  // namespace pith::nn
