// Weights of 8 bits at rest of which only blocks of 1 x 4 are kept: 4 neighbours of a row that were pruned together
// take nothing; the others 6 bytes, and a scale a row. For few vectors (batch 1, LSTM steps); products and errors are
// those of int8.h, to the bit.
#pragma once

#include "tensor/formats/packed_matrix.h"
#include "tensor/ops/linear_s8_blocks.h"

namespace pith {

class Int8BlocksMatrix : public PackedMatrix {
 public:
  static constexpr int64_t kColumns = 65793;  ///< at most: max_depth of u8 x s8
  /// source.quant as Int8Matrix takes it. Blocks of which no integer is left are left out, whatever the mask says.
  /// Throws ArgumentError, too, for more than kColumns columns.
  static std::shared_ptr<const PackedMatrix> pack(const PackSource& source);
  static std::shared_ptr<const PackedMatrix> read(const Shape& shape, PackedReader& in);

  Format format() const override { return Format::int8_1x4; }
  size_t bytes() const override;
  void unpack_row(int64_t row, float* out) const override;
  /// Throws NumericError, too, where x holds an infinity.
  Tensor linear(const Tensor& x, const Tensor& bias) const override;
  void write(PackedWriter& out) const override;

 private:
  /// What lies in a file.
  struct Blocks {
    PackedArray<float> scale;     ///< [rows]
    PackedArray<uint32_t> start;  ///< [rows + 1]
    PackedArray<uint16_t> place;  ///< [blocks]: column / 4, rising in every row
    PackedArray<int8_t> values;   ///< [blocks][4], 0 behind the last column
  };
  static void check(const PackedReader& in, const Blocks& b, int64_t cols);
  Int8BlocksMatrix(const Shape& shape, Blocks blocks);
  Blocks blocks_;
  ops::BytePanels panels_;  ///< not at rest: made from the rest
};

}  // namespace pith
