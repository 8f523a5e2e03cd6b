#include "tensor/formats/csr.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tensor/error.h"

namespace pith {
namespace {

/// Rising columns within every row of every section, all inside the matrix.
void check_columns(const PackedReader& in, std::span<const uint32_t> row_ptr, std::span<const uint16_t> columns,
                   int64_t rows, int64_t cols) {
  for (size_t i = 0; i + 1 < row_ptr.size(); ++i) {
    const int64_t first = static_cast<int64_t>(i) / rows * CsrMatrix::kSection;
    const int64_t width = std::min(CsrMatrix::kSection, cols - first);
    int64_t before = -1;
    for (uint32_t k = row_ptr[i]; k < row_ptr[i + 1]; ++k) {
      if (columns[k] <= before || columns[k] >= width)
        in.refuse("columns that rise and are below " + std::to_string(width),
                  std::to_string(columns[k]) + " after " + std::to_string(before) + " in row " +
                      std::to_string(static_cast<int64_t>(i) % rows));
      before = columns[k];
    }
  }
}

}  // namespace

CsrMatrix::CsrMatrix(const Shape& shape, PackedArray<uint32_t> row_ptr, PackedArray<uint16_t> columns,
                     PackedArray<float> values)
    : PackedMatrix(shape), row_ptr_(std::move(row_ptr)), columns_(std::move(columns)), values_(std::move(values)) {}

std::shared_ptr<const PackedMatrix> CsrMatrix::pack(const PackSource& source) {
  check_source("csr", source);
  const Tensor weight = source.weight.contiguous();
  const float* const w = weight.data<float>();
  const int64_t rows = weight.shape()[0], cols = weight.numel() / rows;
  if (weight.numel() > INT64_C(0xffffffff))
    throw ArgumentError("csr: the weight " + text(weight) + " has more elements than 32-bit row pointers reach");
  std::vector<uint32_t> row_ptr{0};
  std::vector<uint16_t> columns;
  std::vector<float> values;
  for (int64_t first = 0; first < cols; first += kSection)
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = first; c < std::min(cols, first + kSection); ++c) {
        const int64_t i = r * cols + c;
        if (source.mask ? !source.mask->keeps(i) : w[i] == 0) continue;
        columns.push_back(static_cast<uint16_t>(c - first));
        values.push_back(w[i]);
      }
      row_ptr.push_back(static_cast<uint32_t>(values.size()));
    }
  return std::shared_ptr<const PackedMatrix>(new CsrMatrix(
      weight.shape(), PackedArray<uint32_t>(std::span<const uint32_t>(row_ptr)),
      PackedArray<uint16_t>(std::span<const uint16_t>(columns)), PackedArray<float>(std::span<const float>(values))));
}

std::shared_ptr<const PackedMatrix> CsrMatrix::read(const Shape& shape, PackedReader& in) {
  const int64_t rows = shape[0], cols = shape.numel() / rows, sections = (cols + kSection - 1) / kSection;
  const int64_t kept = in.number("kept weights", 0, std::min(shape.numel(), INT64_C(0xffffffff)));
  auto row_ptr = in.array<uint32_t>("row pointers", sections * rows + 1);
  if (row_ptr[0] != 0 || row_ptr[row_ptr.size() - 1] != kept || !std::ranges::is_sorted(row_ptr.span()))
    in.refuse("row pointers that rise from 0 to " + std::to_string(kept), "others");
  auto columns = in.array<uint16_t>("columns", kept);
  check_columns(in, row_ptr.span(), columns.span(), rows, cols);
  auto values = in.array<float>("values", kept);
  return std::shared_ptr<const PackedMatrix>(
      new CsrMatrix(shape, std::move(row_ptr), std::move(columns), std::move(values)));
}

size_t CsrMatrix::bytes() const {
  const size_t with_rows = bytes_with_array(head_bytes() + 8, row_ptr_.size(), 4);
  return bytes_with_array(bytes_with_array(with_rows, columns_.size(), 2), values_.size(), 4);
}

ops::SparseMatrix CsrMatrix::view() const {
  return {{rows(), cols(), row_ptr_.data(), columns_.data()}, values_.data(), &plans_};
}

void CsrMatrix::unpack_row(int64_t row, float* out) const {
  std::fill(out, out + cols(), 0.0f);
  for (int64_t first = 0, i = row; first < cols(); first += kSection, i += rows())
    for (uint32_t k = row_ptr_[static_cast<size_t>(i)]; k < row_ptr_[static_cast<size_t>(i) + 1]; ++k)
      out[first + columns_[k]] = values_[k];
}

Tensor CsrMatrix::linear(const Tensor& x, const Tensor& bias) const {
  check_linear("csr", *this, x, bias);
  return ops::sparse_linear(view(), x, bias);
}

void CsrMatrix::write(PackedWriter& out) const {
  out.number(kept());
  out.array(row_ptr_);
  out.array(columns_);
  out.array(values_);
}

}  // namespace pith
