#include "nn/parameter.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "autograd/ops/quantize.h"
#include "autograd/ops/whole_linear.h"
#include "tensor/error.h"
#include "tensor/formats/int8.h"
#include "tensor/ops/conv2d.h"

namespace pith::nn {

Parameter::Parameter(Tensor value) : value_(value.contiguous()), variable_(value_, true) {}

void Parameter::changed() {
  packed_ = {};
  ++version_;
}

void Parameter::pack(int64_t groups) {
  if (value_.dtype() == DType::f32) packed_ = ops::pack_conv2d_weights(value_, groups);
}

void Parameter::set_mask(std::shared_ptr<const Mask> mask) {
  changed();
  if (mask) zero_pruned(*mask, value_);
  mask_ = std::move(mask);
}

void Parameter::set_quant(std::shared_ptr<const QuantParams> quant) {
  if (quant) check_quant(*quant, shape());
  quant_ = std::move(quant);
}

Tensor Parameter::first_steps(int bits) const {
  const int64_t rows = shape()[0], cols = value_.numel() / rows;
  const double highest = highest_level(bits);
  const std::vector<float> values = value_.to_vector<float>();
  std::vector<float> steps;
  for (int64_t r = 0; r < rows; ++r) {
    double most = 0, sum = 0;
    for (const float v : std::span(values).subspan(static_cast<size_t>(r * cols), static_cast<size_t>(cols))) {
      const double size = std::abs(static_cast<double>(v));
      most = std::max(most, size), sum += size;
    }
    const double step = std::min(most / highest, 2 * sum / static_cast<double>(cols) / std::sqrt(highest));
    steps.push_back(static_cast<float>(most > 0 ? step : 1));
  }
  return Tensor::from(steps, Shape{rows});
}

void Parameter::use_whole_numbers(int bits, const Parameter& step) {
  if (bits < 2 || bits > 8)
    throw ArgumentError("parameter: whole numbers have 2 to 8 bits here, not " + std::to_string(bits));
  if (shape().rank() < 2 || !(step.shape() == Shape{shape()[0]}))
    throw ShapeError("parameter: steps " + text(step.shape()) + " do not fit the rows of " + text(shape()));
  whole_bits_ = bits;
  step_ = &step;
  whole_ = nullptr;
}

std::shared_ptr<const PackedMatrix> Parameter::whole(const Tensor& real) const {
  if (whole_ && whole_version_ == version_ && whole_step_version_ == step_->version_) return whole_;
  const NoGradient no_gradient;
  const Variable& step = step_->variable();
  QuantParams quant{.scale = positive_step(step, 1).value().to_vector<float>(), .zero_point = {}};
  whole_ = Int8Matrix::pack({.weight = real.defined() ? real : whole_values(variable_, step, whole_bits_).value(),
                             .mask = mask_,
                             .quant = std::make_shared<const QuantParams>(std::move(quant)),
                             .input = {}});
  whole_version_ = version_;
  whole_step_version_ = step_->version_;
  return whole_;
}

void Parameter::load(const Tensor& value) {
  if (!(value.shape() == shape()))
    throw ShapeError("parameter: the new value " + text(value.shape()) + " does not fit " + text(shape()));
  changed();
  value_.copy_from(value.to(value_.dtype()));
  if (mask_) zero_pruned(*mask_, value_);
}

void Parameter::replace(Tensor value, std::shared_ptr<const Mask> mask) {
  if (quant_ || whole_bits_ > 0) throw Error("parameter: a quantised weight " + text(shape()) + " keeps its shape");
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
  changed();
  value_ = value_.to(dtype);
  variable_ = Variable(value_, true);
}

}  // namespace pith::nn
