// Compressed sparse rows, f32: the kept weights of each row with their columns, 6 bytes a kept weight.
//
// Columns are 16 bits wide. A matrix of more than 65,536 columns is cut into sections of that many, one after the
// other, each with row pointers of its own; a column counts from its section's first.
//   row_ptr  u32 [sections * rows + 1]   where the row's weights begin; the last is the number of weights
//   columns  u16 [kept]                  rising within a row of a section
//   values   f32 [kept]
#pragma once

#include "tensor/formats/packed_matrix.h"
#include "tensor/ops/sparse.h"

namespace pith {

class CsrMatrix : public PackedMatrix {
 public:
  static constexpr int64_t kSection = ops::SparsePattern::kSection;  ///< columns

  /// Packs what the mask keeps, or without one every weight that is not 0.
  static std::shared_ptr<const PackedMatrix> pack(const PackSource& source);
  static std::shared_ptr<const PackedMatrix> read(const Shape& shape, PackedReader& in);

  Format format() const override { return Format::csr; }
  size_t bytes() const override;
  void unpack_row(int64_t row, float* out) const override;
  Tensor linear(const Tensor& x, const Tensor& bias) const override;
  void write(PackedWriter& out) const override;

  int64_t kept() const { return static_cast<int64_t>(values_.size()); }
  /// For the products of ops/sparse.h: the bytes as they lie.
  ops::SparseMatrix view() const;

 private:
  CsrMatrix(const Shape& shape, PackedArray<uint32_t> row_ptr, PackedArray<uint16_t> columns,
            PackedArray<float> values);
  PackedArray<uint32_t> row_ptr_;
  PackedArray<uint16_t> columns_;
  PackedArray<float> values_;
  ops::SparsePlans plans_;  ///< not at rest: made from the rest when first needed
};

}  // namespace pith
