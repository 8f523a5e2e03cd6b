#include "nn/optim/clip.h"

#include <cmath>

#include "tensor/error.h"

namespace pith::nn {
namespace {

template <class T>
double sum_of_squares(const Tensor& t) {
  const T* const p = t.data<T>();
  double sum = 0;
  for (int64_t i = 0; i < t.numel(); ++i) sum += static_cast<double>(p[i]) * static_cast<double>(p[i]);
  return sum;
}

double sum_of_squares_of(const Tensor& gradient) {
  const Tensor t = gradient.contiguous();
  return t.dtype() == DType::f32 ? sum_of_squares<float>(t) : sum_of_squares<double>(t);
}

template <class T>
void scale(Tensor& t, double factor) {
  T* const p = t.mutable_data<T>();
  for (int64_t i = 0; i < t.numel(); ++i) p[i] *= static_cast<T>(factor);
}

void scale_gradient(Parameter& parameter, double factor) {
  Tensor scaled = parameter.gradient().contiguous().clone();
  if (scaled.dtype() == DType::f32) {
    scale<float>(scaled, factor);
  } else {
    scale<double>(scaled, factor);
  }
  parameter.set_gradient(scaled);
}

}  // namespace

double clip_gradient_norm(Module& model, double limit) {
  if (!(limit > 0)) throw ArgumentError("gradient clipping: the limit " + std::to_string(limit) + " is not above 0");
  double sum = 0;
  model.visit_parameters([&](const std::string&, Parameter& p) {
    if (p.gradient().defined()) sum += sum_of_squares_of(p.gradient());
  });
  const double norm = std::sqrt(sum);
  if (!std::isfinite(norm)) throw NumericError("gradient clipping: the norm of the gradients is not finite");
  if (norm <= limit) return norm;
  model.visit_parameters([&](const std::string&, Parameter& p) {
    if (p.gradient().defined()) scale_gradient(p, limit / norm);
  });
  return norm;
}

}  // namespace pith::nn
