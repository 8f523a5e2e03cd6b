// Linear layers for few vectors on weights of 8 bits of which blocks of 1 x 4 are kept: 4 neighbours of a row, pruned
// together, which one dot-product instruction multiplies. x is rounded as linear_s8_rows does, and sums are exact.
#pragma once

#include <optional>
#include <vector>

#include "tensor/ops/linear_s8_rows.h"

namespace pith::ops {

/// Kept blocks, row by row: block i of row r, from start[r] to start[r + 1], covers the columns 4 place[i] .. + 3.
struct ByteBlocks {
  int64_t rows = 0, cols = 0;         ///< cols <= 65 793, so that every sum fits 32 bits
  std::span<const uint32_t> start;    ///< [rows + 1]
  std::span<const uint16_t> place;    ///< [blocks]
  std::span<const int8_t> values;     ///< [blocks][4]
  std::span<const float> scale = {};  ///< [rows]
};

/// The same as kernels/int_views.h, IntBlockRows, reads it: rows sorted by how many blocks they keep, 16 a panel.
struct BytePanels {
  int64_t cols = 0;
  std::vector<int32_t> blocks;
  std::vector<uint16_t> places;
  std::vector<int64_t> start;
  std::vector<int64_t> row;      ///< [rows]: of a panel's lane
  std::vector<int64_t> row_sum;  ///< [rows], in the order of `row`
  std::vector<float> scale;      ///< likewise
};
BytePanels make_byte_panels(const ByteBlocks& w);

/// x [n, cols] f32 in either order, bias f32 [rows] or undefined -> [n, rows] f32, plain: to the bit what
/// linear_s8_rows gives for the same weights. Throws what it throws.
Tensor linear_s8_blocks(const Tensor& x, const BytePanels& w, const Tensor& bias, std::optional<ByteScale> input = {},
                        const KernelTable& table = kernels());

}  // namespace pith::ops
