// Compressed sparse rows of blocks, f32: R x C neighbouring weights are kept or left out together. At batch 1 a block
// needs no gather: its C operands are neighbours, its R results too.
//
// R C is 4, 8 or 16; values lie in *groups* of 16, so that a group is one 64-byte load: one, two or four blocks of one
// row of blocks, each row-major. A row of blocks is filled up to whole groups with blocks of zeros in column 0. Weights
// beyond the last row or column of the matrix are 0.
//   group_ptr  u32 [rows of blocks + 1]   in groups
//   columns    u16 [blocks]               first column / C, rising within a row of blocks, then the filling
//   values     f32 [groups][16]           [block][row][column]
#pragma once

#include "tensor/formats/packed_matrix.h"
#include "tensor/kernels/table.h"

namespace pith {

class BlockCsrMatrix : public PackedMatrix {
 public:
  /// A block is kept if it holds a weight that the mask keeps (without a mask: that is not 0). Throws ArgumentError for
  /// more than 65,536 columns of blocks.
  template <int R, int C>
  static std::shared_ptr<const PackedMatrix> pack(const PackSource& source) {
    return pack_blocks(source, R, C);
  }
  static std::shared_ptr<const PackedMatrix> read(const Shape& shape, PackedReader& in);

  Format format() const override { return Format::block_csr; }
  size_t bytes() const override;
  void unpack_row(int64_t row, float* out) const override;
  Tensor linear(const Tensor& x, const Tensor& bias) const override;
  void write(PackedWriter& out) const override;

  int64_t block_rows() const { return row_; }
  int64_t block_cols() const { return column_; }

 private:
  static std::shared_ptr<const PackedMatrix> pack_blocks(const PackSource& source, int64_t row, int64_t column);
  BlockCsrMatrix(const Shape& shape, int64_t row, int64_t column, PackedArray<uint32_t> group_ptr,
                 PackedArray<uint16_t> columns, PackedArray<float> values);
  BlockMatrix view(int64_t begin, int64_t end) const;
  int64_t rows_of_blocks() const { return (rows() + row_ - 1) / row_; }
  int64_t blocks_a_group() const { return 16 / (row_ * column_); }

  int64_t row_, column_;
  PackedArray<uint32_t> group_ptr_;
  PackedArray<uint16_t> columns_;
  PackedArray<float> values_;
};

}  // namespace pith
