#include "tensor/formats/block_csr.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tensor/error.h"
#include "tensor/formats/padded_features.h"
#include "tensor/parallel.h"

namespace pith {
namespace {

constexpr int64_t kColumnsOfBlocks = 65536;  // what 16 bits count

/// The sizes that the kernels know.
bool is_known_block(int64_t row, int64_t column) {
  constexpr std::pair<int64_t, int64_t> kKnown[] = {{16, 1}, {8, 1}, {4, 1}, {8, 2}, {4, 4}, {1, 4}, {1, 8}, {1, 16}};
  return std::find(std::begin(kKnown), std::end(kKnown), std::pair{row, column}) != std::end(kKnown);
}

int64_t blocks_over(int64_t extent, int64_t block) { return (extent + block - 1) / block; }

/// A weight matrix cut into blocks.
struct Blocks {
  const float* w;
  const Mask* mask;
  int64_t rows, cols, row, column;

  /// Calls f(index in the matrix, index in the block) for every weight of block (i, j).
  template <class F>
  void each(int64_t i, int64_t j, const F& f) const {
    for (int64_t r = 0; r < row && i * row + r < rows; ++r)
      for (int64_t c = 0; c < column && j * column + c < cols; ++c)
        f((i * row + r) * cols + j * column + c, r * column + c);
  }
  bool is_kept(int64_t i, int64_t j) const {
    bool kept = false;
    each(i, j, [&](int64_t at, int64_t) { kept = kept || (mask ? mask->keeps(at) : w[at] != 0); });
    return kept;
  }
  void copy(int64_t i, int64_t j, float* out) const {
    each(i, j, [&](int64_t at, int64_t place) { out[place] = mask && !mask->keeps(at) ? 0.0f : w[at]; });
  }
};

}  // namespace

BlockCsrMatrix::BlockCsrMatrix(const Shape& shape, int64_t row, int64_t column, PackedArray<uint32_t> group_ptr,
                               PackedArray<uint16_t> columns, PackedArray<float> values)
    : PackedMatrix(shape),
      row_(row),
      column_(column),
      group_ptr_(std::move(group_ptr)),
      columns_(std::move(columns)),
      values_(std::move(values)) {}

std::shared_ptr<const PackedMatrix> BlockCsrMatrix::pack_blocks(const PackSource& source, int64_t row, int64_t column) {
  check_source("block_csr", source);
  const Tensor weight = source.weight.contiguous();
  const int64_t rows = weight.shape()[0], cols = weight.numel() / rows, wide = blocks_over(cols, column);
  if (wide > kColumnsOfBlocks || weight.numel() > INT64_C(0xffffffff))
    throw ArgumentError("block_csr: the weight " + text(weight) + " has more than " + std::to_string(kColumnsOfBlocks) +
                        " blocks in a row; pack it as csr");
  const Blocks blocks{weight.data<float>(), source.mask.get(), rows, cols, row, column};
  const size_t group = static_cast<size_t>(16 / (row * column)), size = static_cast<size_t>(row * column);
  std::vector<uint32_t> group_ptr{0};
  std::vector<uint16_t> columns;
  std::vector<float> values;
  for (int64_t i = 0; i < blocks_over(rows, row); ++i) {
    for (int64_t j = 0; j < wide; ++j) {
      if (!blocks.is_kept(i, j)) continue;
      columns.push_back(static_cast<uint16_t>(j));
      values.resize(values.size() + size, 0.0f);
      blocks.copy(i, j, values.data() + values.size() - size);
    }
    columns.resize((columns.size() + group - 1) / group * group, 0);
    values.resize(columns.size() * size, 0.0f);
    group_ptr.push_back(static_cast<uint32_t>(columns.size() / group));
  }
  return std::shared_ptr<const PackedMatrix>(new BlockCsrMatrix(
      weight.shape(), row, column, PackedArray<uint32_t>(std::span<const uint32_t>(group_ptr)),
      PackedArray<uint16_t>(std::span<const uint16_t>(columns)), PackedArray<float>(std::span<const float>(values))));
}

std::shared_ptr<const PackedMatrix> BlockCsrMatrix::read(const Shape& shape, PackedReader& in) {
  const int64_t rows = shape[0], cols = shape.numel() / rows;
  const int64_t row = in.number("rows of a block", 1, 16), column = in.number("columns of a block", 1, 16);
  if (!is_known_block(row, column))
    in.refuse("a known size of blocks", std::to_string(row) + " x " + std::to_string(column));
  const int64_t high = blocks_over(rows, row), wide = blocks_over(cols, column), group = 16 / (row * column);
  if (wide > kColumnsOfBlocks)
    in.refuse("at most " + std::to_string(kColumnsOfBlocks) + " columns of blocks", std::to_string(wide));
  const int64_t groups = in.number("groups", 0, high * blocks_over(wide, group));
  auto group_ptr = in.array<uint32_t>("group pointers", high + 1);
  if (group_ptr[0] != 0 || group_ptr[group_ptr.size() - 1] != groups || !std::ranges::is_sorted(group_ptr.span()))
    in.refuse("group pointers that rise from 0 to " + std::to_string(groups), "others");
  auto columns = in.array<uint16_t>("columns", groups * group);
  for (const uint16_t c : columns.span())
    if (c >= wide) in.refuse("columns of blocks below " + std::to_string(wide), std::to_string(c));
  auto values = in.array<float>("values", groups * 16);
  return std::shared_ptr<const PackedMatrix>(
      new BlockCsrMatrix(shape, row, column, std::move(group_ptr), std::move(columns), std::move(values)));
}

size_t BlockCsrMatrix::bytes() const {
  const size_t with_rows = bytes_with_array(head_bytes() + 24, group_ptr_.size(), 4);
  return bytes_with_array(bytes_with_array(with_rows, columns_.size(), 2), values_.size(), 4);
}

void BlockCsrMatrix::unpack_row(int64_t row, float* out) const {
  std::fill(out, out + cols(), 0.0f);
  const size_t group = static_cast<size_t>(blocks_a_group()), i = static_cast<size_t>(row / row_);
  for (size_t b = group_ptr_[i] * group; b < group_ptr_[i + 1] * group; ++b)
    for (int64_t c = 0; c < column_ && columns_[b] * column_ + c < cols(); ++c)
      out[columns_[b] * column_ + c] +=
          values_[(b * static_cast<size_t>(row_) + static_cast<size_t>(row % row_)) * static_cast<size_t>(column_) +
                  static_cast<size_t>(c)];
}

BlockMatrix BlockCsrMatrix::view(int64_t begin, int64_t end) const {
  return {.values = values_.data(),
          .columns = columns_.data(),
          .group_ptr = group_ptr_.data(),
          .row = row_,
          .column = column_,
          .rows = rows(),
          .begin = begin,
          .end = end};
}

Tensor BlockCsrMatrix::linear(const Tensor& x, const Tensor& bias) const {
  check_linear("block_csr", *this, x, bias);
  constexpr int64_t kWeights = 1 << 15;  // of a chunk of parallel_for
  const Tensor wide = padded_features(x, blocks_over(cols(), column_) * column_);
  const Tensor held = bias.defined() ? to_plain(bias) : bias;
  const float* const b = held.defined() ? held.data<float>() : nullptr;
  const int64_t each = 1 + static_cast<int64_t>(values_.size()) / rows_of_blocks();
  const auto over_rows = [&](int64_t panels, const auto& body) {
    parallel_for(rows_of_blocks(), std::max<int64_t>(1, kWeights / (each * panels)), body);
  };
  Tensor y = packed_product(
      wide, rows(),
      [&](const float* in, float* out) {
        over_rows(1, [&](int64_t begin, int64_t end) {
          kernels().block_vector(view(begin, end), {.x = in, .bias = b, .y = out});
        });
      },
      [&](const Tensor& in, Tensor& out) {
        const int64_t lanes = LaneGeometry::kLanes, panels = in.geometry().blocks;
        float* const to = out.mutable_data<float>();
        over_rows(panels, [&](int64_t begin, int64_t end) {
          kernels().block_panels(view(begin, end), {.x = in.data<float>(),
                                                    .x_panel = in.geometry().block * lanes,
                                                    .panels = panels,
                                                    .bias = b,
                                                    .y = to,
                                                    .y_panel = out.geometry().block * lanes});
        });
      });
  if (b && y.is_lanes()) clear_dead_lanes(y);
  return y;
}

void BlockCsrMatrix::write(PackedWriter& out) const {
  out.number(row_);
  out.number(column_);
  out.number(static_cast<int64_t>(columns_.size()) / blocks_a_group());
  out.array(group_ptr_);
  out.array(columns_);
  out.array(values_);
}

}  // namespace pith
