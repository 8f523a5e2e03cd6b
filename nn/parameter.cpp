#include "nn/parameter.h"

#include <utility>

#include "tensor/error.h"
#include "tensor/ops/conv2d.h"

namespace pith::nn {

Parameter::Parameter(Tensor value) : value_(value.contiguous()), variable_(value_, true) {}

void Parameter::pack(int64_t groups) {
  if (value_.dtype() == DType::f32) packed_ = ops::pack_conv2d_weights(value_, groups);
}

void Parameter::set_mask(std::shared_ptr<const Mask> mask) {
  packed_ = {};
  if (mask) zero_pruned(*mask, value_);
  mask_ = std::move(mask);
}

void Parameter::set_quant(std::shared_ptr<const QuantParams> quant) {
  if (quant) check_quant(*quant, shape());
  quant_ = std::move(quant);
}

void Parameter::load(const Tensor& value) {
  if (!(value.shape() == shape()))
    throw ShapeError("parameter: the new value " + text(value.shape()) + " does not fit " + text(shape()));
  packed_ = {};
  value_.copy_from(value.to(value_.dtype()));
  if (mask_) zero_pruned(*mask_, value_);
}

void Parameter::replace(Tensor value, std::shared_ptr<const Mask> mask) {
  if (quant_) throw Error("parameter: a quantised weight " + text(shape()) + " keeps its shape");
  reshaped_ = reshaped_ || !(value.shape() == shape());
  value_ = value.to(value_.dtype()).clone();
  variable_ = Variable(value_, true);
  set_mask(std::move(mask));
}

void Parameter::set_gradient(const Tensor& gradient) {
  variable_.clear_gradient();
  variable_.add_gradient(gradient);
}

void Parameter::convert(DType dtype) {
  packed_ = {};
  value_ = value_.to(dtype);
  variable_ = Variable(value_, true);
}

}  // namespace pith::nn
