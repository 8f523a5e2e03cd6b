// Dense f32, the yardstick: 4 bytes a weight, row-major.
#pragma once

#include "tensor/formats/packed_matrix.h"

namespace pith {

class DenseMatrix : public PackedMatrix {
 public:
  static std::shared_ptr<const PackedMatrix> pack(const PackSource& source);
  static std::shared_ptr<const PackedMatrix> read(const Shape& shape, PackedReader& in);

  Format format() const override { return Format::dense; }
  size_t bytes() const override;
  void unpack_row(int64_t row, float* out) const override;
  Tensor linear(const Tensor& x, const Tensor& bias) const override;
  void write(PackedWriter& out) const override;

 private:
  explicit DenseMatrix(const Tensor& weight);
  Tensor weight_;  ///< [rows, cols], nobody else's
};

}  // namespace pith
