#include "tensor/formats/dense.h"

#include <cstring>

#include "tensor/ops/matmul.h"

namespace pith {

DenseMatrix::DenseMatrix(const Tensor& weight)
    : PackedMatrix(weight.shape()), weight_(weight.view(Shape{rows(), cols()})) {}

std::shared_ptr<const PackedMatrix> DenseMatrix::pack(const PackSource& source) {
  check_source("dense", source);
  Tensor weight = source.weight.contiguous().clone();
  if (source.mask) zero_pruned(*source.mask, weight);
  return std::shared_ptr<const PackedMatrix>(new DenseMatrix(weight));
}

std::shared_ptr<const PackedMatrix> DenseMatrix::read(const Shape& shape, PackedReader& in) {
  const PackedArray<float> values = in.array<float>("values", shape.numel());
  return std::shared_ptr<const PackedMatrix>(new DenseMatrix(Tensor::from(values.span(), shape)));
}

size_t DenseMatrix::bytes() const { return bytes_with_array(head_bytes(), static_cast<size_t>(weight_.numel()), 4); }

void DenseMatrix::unpack_row(int64_t row, float* out) const {
  std::memcpy(out, weight_.data<float>() + row * cols(), static_cast<size_t>(cols()) * sizeof(float));
}

Tensor DenseMatrix::linear(const Tensor& x, const Tensor& bias) const {
  check_linear("dense", *this, x, bias);
  return ops::linear(x, weight_, bias);
}

void DenseMatrix::write(PackedWriter& out) const {
  out.array(std::span<const float>(weight_.data<float>(), static_cast<size_t>(weight_.numel())));
}

}  // namespace pith
