#include "autograd/ops/activation.h"

#include <cmath>

#include "autograd/catalog/rows.h"

namespace pith {
namespace {

const auto kRelu = [](const Variable& v) { return relu(v); };
const auto kSigmoid = [](const Variable& v) { return sigmoid(v); };
const auto kTanh = [](const Variable& v) { return tanh(v); };

/// Moves elements that lie within 0.05 of `kink` away from it.
Tensor off(Tensor t, double kink) {
  double* const p = t.mutable_data<double>();
  for (int64_t i = 0; i < t.numel(); ++i)
    if (std::abs(p[i] - kink) < 0.05) p[i] = kink + (p[i] < kink ? -0.05 : 0.05);
  return t;
}

Example clipped(Tensor x, double limit) {
  Example e = unary(off(std::move(x), limit), [=](const Variable& v) { return clipped_relu(v, limit); });
  e.attributes = {{"limit", {limit}}};
  return e;
}

Example pact_of(Tensor x, double alpha) {
  Example e;
  if (x.shape().rank() % 2 == 0) e.image_like = {0};
  e.inputs = {off(std::move(x), alpha), Tensor::full({1}, alpha, DType::f64)};
  e.call = [](const std::vector<Variable>& v) { return pact(v[0], v[1]); };
  e.wrong_input = 1;
  return e;
}

Example leaky(Tensor x, double slope) {
  Example e = unary(std::move(x), [=](const Variable& v) { return leaky_relu(v, slope); });
  e.attributes = {{"slope", {slope}}};
  return e;
}

Example dropped(Tensor x, double p, uint64_t item) {
  Example e = unary(std::move(x), [=](const Variable& v) { return dropout(v, p, {.seed = 3, .item = item}); });
  e.attributes = {{"p", {p}}};
  return e;
}

}  // namespace

std::vector<CatalogRow> activation_rows() {
  return {
      {"relu", [](Draw& d) { return unary(d.off_zero(d.any_shape()), kRelu); },
       [](Draw& d) { return unary(d.normal(layer_shape()), kRelu); }},
      {"clipped_relu", [](Draw& d) { return clipped(d.off_zero(d.any_shape()), d.uniform(0.3, 2)); },
       [](Draw& d) { return clipped(d.normal(layer_shape()), 6); }},
      {"pact", [](Draw& d) { return pact_of(d.off_zero(d.any_shape()), d.uniform(0.3, 2)); },
       [](Draw& d) { return pact_of(d.normal(layer_shape()), 1); }},
      {"leaky_relu", [](Draw& d) { return leaky(d.off_zero(d.any_shape()), d.uniform(-0.5, 0.5)); },
       [](Draw& d) { return leaky(d.normal(layer_shape()), 0.01); }},
      {"sigmoid", [](Draw& d) { return unary(d.normal(d.any_shape()), kSigmoid); },
       [](Draw& d) { return unary(d.normal(layer_shape()), kSigmoid); }},
      {"tanh", [](Draw& d) { return unary(d.normal(d.any_shape()), kTanh); },
       [](Draw& d) { return unary(d.normal(layer_shape()), kTanh); }},
      {"dropout",
       [](Draw& d) {
         Tensor x = d.off_zero(d.any_shape());
         const double p = d.coin() ? 0.5 : d.uniform(0, 0.9);
         return dropped(x, p, static_cast<uint64_t>(d.between(0, 1000)));
       },
       [](Draw& d) { return dropped(d.normal(layer_shape()), 0.5, 1); }},
  };
}

}  // namespace pith
