// N of M, f32: of every 4 neighbouring weights of a row at most N = 1 or 2 are kept (NVIDIA's 2:4, Mishra et al. 2021).
// No weight needs a column of its own, two bits say which of the four it is.
//
// Rows lie in panels of 16, so that the same group of 4 columns of 16 rows is N loads of values and N words of places:
// one register of x serves all. A group that keeps fewer than N is filled with zeros at place 0; so are the rows
// beyond the last.
//   places  u32 [panels][groups][N]        row r of the panel in bits 2 r and 2 r + 1
//   values  f32 [panels][groups][N][16]
#pragma once

#include "tensor/formats/packed_matrix.h"
#include "tensor/kernels/table.h"

namespace pith {

class NOfMMatrix : public PackedMatrix {
 public:
  static constexpr int64_t kGroup = 4;   ///< M
  static constexpr int64_t kPanel = 16;  ///< rows

  /// Throws ArgumentError naming the first group of 4 that keeps more than N weights.
  template <int N>
  static std::shared_ptr<const PackedMatrix> pack(const PackSource& source) {
    return pack_groups(source, N);
  }
  static std::shared_ptr<const PackedMatrix> read(const Shape& shape, PackedReader& in);

  Format format() const override { return Format::n_of_m; }
  size_t bytes() const override;
  void unpack_row(int64_t row, float* out) const override;
  Tensor linear(const Tensor& x, const Tensor& bias) const override;
  void write(PackedWriter& out) const override;

  int64_t n() const { return n_; }

 private:
  static std::shared_ptr<const PackedMatrix> pack_groups(const PackSource& source, int64_t n);
  NOfMMatrix(const Shape& shape, int64_t n, PackedArray<uint32_t> places, PackedArray<float> values);
  NOfFourMatrix view(int64_t begin, int64_t end) const;
  int64_t groups() const { return (cols() + kGroup - 1) / kGroup; }
  int64_t panels() const { return (rows() + kPanel - 1) / kPanel; }

  int64_t n_;
  PackedArray<uint32_t> places_;
  PackedArray<float> values_;
};

}  // namespace pith
