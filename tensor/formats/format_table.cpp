#include "tensor/formats/format_table.h"

#include "tensor/formats/block_csr.h"
#include "tensor/formats/csr.h"
#include "tensor/formats/dense.h"
#include "tensor/formats/int8.h"
#include "tensor/formats/int8_blocks.h"
#include "tensor/formats/n_of_m.h"

namespace pith {

std::span<const FormatRow> format_table() {
  static constexpr FormatRow rows[] = {
      {Format::dense, "dense", true, false, false, DenseMatrix::pack, DenseMatrix::read},
      {Format::csr, "csr", true, false, false, CsrMatrix::pack, CsrMatrix::read},
      {Format::block_csr, "block_16x1", true, false, false, BlockCsrMatrix::pack<16, 1>, BlockCsrMatrix::read},
      {Format::block_csr, "block_8x1", true, false, false, BlockCsrMatrix::pack<8, 1>, BlockCsrMatrix::read},
      {Format::block_csr, "block_4x1", true, false, false, BlockCsrMatrix::pack<4, 1>, BlockCsrMatrix::read},
      {Format::block_csr, "block_8x2", true, false, false, BlockCsrMatrix::pack<8, 2>, BlockCsrMatrix::read},
      {Format::block_csr, "block_4x4", true, false, false, BlockCsrMatrix::pack<4, 4>, BlockCsrMatrix::read},
      {Format::block_csr, "block_1x4", true, false, false, BlockCsrMatrix::pack<1, 4>, BlockCsrMatrix::read},
      {Format::block_csr, "block_1x8", true, false, false, BlockCsrMatrix::pack<1, 8>, BlockCsrMatrix::read},
      {Format::block_csr, "block_1x16", true, false, false, BlockCsrMatrix::pack<1, 16>, BlockCsrMatrix::read},
      {Format::n_of_m, "2_of_4", true, false, false, NOfMMatrix::pack<2>, NOfMMatrix::read},
      {Format::n_of_m, "1_of_4", true, false, false, NOfMMatrix::pack<1>, NOfMMatrix::read},
      {Format::int8, "int8", false, false, true, Int8Matrix::pack, Int8Matrix::read},
      {Format::int8_1x4, "int8_1x4", false, false, true, Int8BlocksMatrix::pack, Int8BlocksMatrix::read},
  };
  return rows;
}

const FormatRow* find_format(Format format) {
  for (const FormatRow& row : format_table())
    if (row.format == format) return &row;
  return nullptr;
}

const FormatRow* find_format(std::string_view name) {
  for (const FormatRow& row : format_table())
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace pith
