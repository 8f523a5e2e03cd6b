// Every format once: what it is called, how a weight is packed into it, how it is read back. A row here buys the tests
// of tests/tensor/formats/format_table_test.cpp (pack and unpack, products against the twin, write and read, hostile
// bytes), a line in the benchmarks, the file reader.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "tensor/formats/packed_matrix.h"

namespace pith {

struct FormatRow {
  Format format;          ///< several rows may share one: block sizes, N:M
  std::string_view name;  ///< "csr", "block_16x1", ...
  bool exact;             ///< unpack() gives back every kept weight to the bit
  bool needs_mask;        ///< packing without a mask throws ArgumentError: nothing would be left out
  bool needs_quant;       ///< packing without quantisation parameters throws ArgumentError
  /// Throws what check_source does, and ArgumentError where the mask or the quantisation does not suit the format.
  std::shared_ptr<const PackedMatrix> (*pack)(const PackSource& source);
  /// The body of write_packed(); what it reads, it checks.
  std::shared_ptr<const PackedMatrix> (*read)(const Shape& shape, PackedReader& in);
};

/// All rows, in a fixed order.
std::span<const FormatRow> format_table();
/// The first row with this tag, or nullptr.
const FormatRow* find_format(Format format);
/// The row of this name, or nullptr.
const FormatRow* find_format(std::string_view name);

}  // namespace pith
