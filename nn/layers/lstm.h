// Lstm: layers of long short-term memory over a sequence (Hochreiter & Schmidhuber 1997), dropout between them.
#pragma once

#include <functional>
#include <vector>

#include "nn/layers/dropout.h"
#include "nn/module.h"

namespace pith::nn {

struct LstmOptions {
  int64_t layers = 1;
  double dropout = 0;  ///< after every layer but the last, in training
};

/// Hidden and cell values of every layer, [n, hidden] each. Empty: zeros.
struct LstmState {
  std::vector<Variable> h, c;
};

/// weight_ih_l0 [4 hidden, in], weight_hh_l0 [4 hidden, hidden], bias_ih_l0, bias_hh_l0 [4 hidden], ..._l1, ...; gate
/// order i, f, g, o. x [steps, n, in] -> [steps, n, hidden].
class Lstm : public Module, public RandomModule {
 public:
  Lstm(int64_t in, int64_t hidden, const LstmOptions& options = {});
  std::string_view type() const override { return "LSTM"; }
  int64_t hidden() const { return hidden_; }
  DropoutStream& stream() override { return stream_; }

  /// From `state` on; afterwards it holds the values after the last step (with their history: detach to stop it).
  Variable call(const Variable& x, LstmState& state);
  void visit_own_parameters(const std::function<void(Parameter&)>& visit);

 protected:
  /// From zeros on.
  Variable forward(const Variable& x) override;

 private:
  struct Layer {
    Parameter* w_ih;
    Parameter* w_hh;
    Parameter* b_ih;
    Parameter* b_hh;
  };
  Variable unroll(const Variable& x, LstmState& state);

  int64_t hidden_;
  double dropout_;
  std::vector<Layer> layers_;
  DropoutStream stream_;
};

/// The same values without history.
LstmState detach(const LstmState& state);

}  // namespace pith::nn
