// Parameter: a trainable tensor that remembers what compression decided about it: its mask and its quantisation.
//
// Invariant: a weight is exactly 0.0f wherever its mask prunes, at every moment any other code can look. set_mask and
// load establish it, the optimizer's fused step keeps it. Released weights (set_mask(nullptr)) start from 0.
#pragma once

#include <memory>
#include <string>

#include "autograd/ops/masked_matmul.h"
#include "autograd/variable.h"
#include "tensor/formats/mask.h"
#include "tensor/formats/packed_matrix.h"
#include "tensor/formats/quant_params.h"

namespace pith::nn {

class Parameter {
 public:
  Parameter() = default;
  /// value: f32 (or f64 in gradient checks), plain order.
  explicit Parameter(Tensor value);

  bool defined() const { return variable_.defined(); }
  const Variable& variable() const { return variable_; }
  const Tensor& value() const { return variable_.value(); }
  const Shape& shape() const { return value().shape(); }
  const Tensor& gradient() const { return variable_.gradient(); }

  const std::shared_ptr<const Mask>& mask() const { return mask_; }
  /// Prunes now and from now on; nullptr releases. Throws ShapeError where the mask has another shape.
  void set_mask(std::shared_ptr<const Mask> mask);
  const std::shared_ptr<const QuantParams>& quant() const { return quant_; }
  void set_quant(std::shared_ptr<const QuantParams> quant);

  /// Steps to begin with, [rows]: so that the largest weight of a row is the last level of so many bits, or 2 mean |w|
  /// / sqrt(last level) where that is less (Esser et al. 2020). A row of zeros has 1.
  Tensor first_steps(int bits) const;
  /// From now on layers use whole numbers in its place: `bits` bits (2 to 8), and a step a row, which `step` [rows]
  /// learns (autograd/ops/whole_linear.h) and which outlives this one. Throws ArgumentError for other bits, ShapeError.
  void use_whole_numbers(int bits, const Parameter& step);
  /// 0: it is used as it is.
  int whole_bits() const { return whole_bits_; }
  const Parameter& step() const { return *step_; }
  /// Those whole numbers, for products on integers; made anew where a value has changed. real: what they stand for, if
  /// it is there already (whole_values() of the present value and steps).
  std::shared_ptr<const PackedMatrix> whole(const Tensor& real = {}) const;

  /// New values of the same shape; pruned places are set to 0.
  void load(const Tensor& value);
  /// Another value, of another shape: what thinning leaves, with its mask or none. The gradient is forgotten. Throws
  /// Error where the parameter is quantised: its scales belong to the old shape.
  void replace(Tensor value, std::shared_ptr<const Mask> mask);
  /// Has it another shape than it was made with? Then its checkpoints say so.
  bool is_reshaped() const { return reshaped_; }
  /// For the optimizer: the values to change in place (not to replace). The caller keeps the invariant.
  Tensor& mutable_value() {
    changed();
    return value_;
  }
  /// Keeps these weights of a convolution as kernels read them, too, until they change: for inference.
  void pack(int64_t groups);
  /// That copy, or undefined.
  const Tensor& packed() const { return packed_; }
  /// The same values in another type, as a new leaf without gradient.
  void convert(DType dtype);
  void clear_gradient() { variable_.clear_gradient(); }
  /// Replaces the gradient (clipping does). Same shape as the value.
  void set_gradient(const Tensor& gradient);

  /// Weight decay applies? Off for what the model marks (none by default, as PyTorch).
  bool decays = true;
  /// What a rate of Adam is counted in: 1, or of a learned quantisation step what it begins with. Adam moves every
  /// number by about its rate, so without it a step of 0.01 would change by a tenth where a step of 1 changes by a
  /// thousandth.
  double unit = 1;
  /// Up to which density of the mask products run on the kept weights alone.
  SparseCrossover crossover;

 private:
  void changed();

  Tensor value_;  ///< a second handle to the bytes of variable_'s value
  Variable variable_;
  std::shared_ptr<const Mask> mask_;
  std::shared_ptr<const QuantParams> quant_;
  bool reshaped_ = false;
  Tensor packed_;
  int64_t version_ = 0;  ///< of the value
  int whole_bits_ = 0;
  const Parameter* step_ = nullptr;
  mutable std::shared_ptr<const PackedMatrix> whole_;
  mutable int64_t whole_version_ = 0, whole_step_version_ = 0;  ///< that whole_ was made of
};

}  // namespace pith::nn
