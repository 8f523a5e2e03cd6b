#include "nn/layers/lstm.h"

#include <string>

#include "nn/apply.h"
#include "tensor/error.h"

namespace pith::nn {

Lstm::Lstm(int64_t in, int64_t hidden, const LstmOptions& options)
    : hidden_(hidden), dropout_(checked_probability(options.dropout)) {
  if (options.layers < 1) throw ArgumentError("lstm: " + std::to_string(options.layers) + " layers; at least one");
  for (int64_t i = 0; i < options.layers; ++i) {
    const std::string end = "_l" + std::to_string(i);
    const int64_t width = i == 0 ? in : hidden;
    layers_.push_back({&add_parameter("weight_ih" + end, Tensor::zeros({4 * hidden, width})),
                       &add_parameter("weight_hh" + end, Tensor::zeros({4 * hidden, hidden})),
                       &add_parameter("bias_ih" + end, Tensor::zeros({4 * hidden})),
                       &add_parameter("bias_hh" + end, Tensor::zeros({4 * hidden}))});
  }
}

Variable Lstm::call(const Variable& x, LstmState& state) {
  return run(x, [&] { return unroll(x, state); });
}

Variable Lstm::forward(const Variable& x) {
  LstmState state;
  return unroll(x, state);
}

Variable Lstm::unroll(const Variable& x, LstmState& state) {
  if (x.shape().rank() != 3) throw ShapeError("lstm: wants x [steps, n, in], here is " + text(x.shape()));
  if (state.h.empty()) {
    const Variable zero(Tensor::zeros({x.shape()[1], hidden_}, x.value().dtype()));
    state.h.assign(layers_.size(), zero);
    state.c.assign(layers_.size(), zero);
  }
  Variable y = x;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& l = layers_[i];
    if (i > 0 && training() && dropout_ > 0) y = dropout(y, dropout_, stream_.next());
    const LstmResult r = lstm(y, state.h[i], state.c[i], apply_lstm(*l.w_ih, *l.w_hh, *l.b_ih, *l.b_hh));
    y = r.output;
    state.h[i] = r.h;
    state.c[i] = r.c;
  }
  return y;
}

void Lstm::visit_own_parameters(const std::function<void(Parameter&)>& visit) {
  for (const Layer& l : layers_)
    for (Parameter* const p : {l.w_ih, l.w_hh, l.b_ih, l.b_hh}) visit(*p);
}

LstmState detach(const LstmState& state) {
  LstmState out;
  for (const Variable& v : state.h) out.h.push_back(v.detach());
  for (const Variable& v : state.c) out.c.push_back(v.detach());
  return out;
}

}  // namespace pith::nn
