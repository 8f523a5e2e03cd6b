// Weights of 8 bits at rest: 1 byte a weight and one scale a row, for few vectors (batch 1, LSTM steps) and embeddings.
//
// weight[r][c] = scale[r] q[r][c], q = round(weight / scale), half to even, from -127 to 127. What it multiplies is
// rounded to 8 bits in every call, each vector by the scale of its largest element (ops/linear_s8_rows.h); sums are exact.
#pragma once

#include "tensor/formats/packed_matrix.h"

namespace pith {

/// A source in 8 bits: integers from -127 to 127, pruned ones 0, and a scale for every row.
struct ByteSource {
  Tensor weight;  ///< f32, plain: the source's, zeros where it was pruned
  PackedArray<float> scale;
  PackedArray<int8_t> values;
};
/// source.quant as Int8Matrix::pack wants it. Throws what check_source does, ArgumentError, NumericError.
ByteSource quantize_source(const char* format, const PackSource& source);

class Int8Matrix : public PackedMatrix {
 public:
  /// source.quant: 8 signed bits, symmetric, one scale or one a row. Throws ArgumentError otherwise.
  static std::shared_ptr<const PackedMatrix> pack(const PackSource& source);
  static std::shared_ptr<const PackedMatrix> read(const Shape& shape, PackedReader& in);

  Format format() const override { return Format::int8; }
  size_t bytes() const override;
  void unpack_row(int64_t row, float* out) const override;
  /// Throws NumericError, too, where x holds an infinity.
  Tensor linear(const Tensor& x, const Tensor& bias) const override;
  void write(PackedWriter& out) const override;

 private:
  /// values: [rows, cols].
  Int8Matrix(const Shape& shape, PackedArray<float> scale, const int8_t* values);
  int64_t step_;               ///< bytes from row to row in memory: rows begin at lines of the cache
  PackedArray<int8_t> rows_;   ///< [rows, step], 0 behind the last column
  PackedArray<float> scale_;   ///< [rows]
  std::vector<int64_t> sums_;  ///< [rows]: of the row's integers
};

}  // namespace pith
