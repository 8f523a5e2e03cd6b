#include "tensor/formats/int8_blocks.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tensor/error.h"
#include "tensor/formats/int8.h"
#include "tensor/lanes.h"

namespace pith {

Int8BlocksMatrix::Int8BlocksMatrix(const Shape& shape, Blocks blocks)
    : PackedMatrix(shape),
      blocks_(std::move(blocks)),
      panels_(ops::make_byte_panels({.rows = rows(),
                                     .cols = cols(),
                                     .start = blocks_.start.span(),
                                     .place = blocks_.place.span(),
                                     .values = blocks_.values.span(),
                                     .scale = blocks_.scale.span()})) {}

std::shared_ptr<const PackedMatrix> Int8BlocksMatrix::pack(const PackSource& source) {
  const ByteSource b = quantize_source("int8_1x4", source);
  const int64_t rows = b.weight.shape()[0], cols = b.weight.numel() / rows;
  if (cols > kColumns)
    throw ArgumentError("int8_1x4: sums over " + std::to_string(cols) + " columns may leave 32 bits; pack it as int8");
  std::vector<uint32_t> start{0};
  std::vector<uint16_t> place;
  std::vector<int8_t> values;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; c += 4) {
      int8_t block[4] = {};
      std::copy_n(b.values.data() + r * cols + c, std::min<int64_t>(4, cols - c), block);
      if (std::ranges::count(block, 0) == 4) continue;
      place.push_back(static_cast<uint16_t>(c / 4));
      values.insert(values.end(), block, block + 4);
    }
    start.push_back(static_cast<uint32_t>(place.size()));
  }
  return std::shared_ptr<const PackedMatrix>(new Int8BlocksMatrix(
      b.weight.shape(),
      {b.scale, PackedArray<uint32_t>(std::span<const uint32_t>(start)),
       PackedArray<uint16_t>(std::span<const uint16_t>(place)), PackedArray<int8_t>(std::span<const int8_t>(values))}));
}

void Int8BlocksMatrix::check(const PackedReader& in, const Blocks& b, int64_t cols) {
  for (size_t r = 0; r + 1 < b.start.size(); ++r)
    for (size_t k = b.start[r]; k < b.start[r + 1]; ++k) {
      if (b.place[k] * 4 >= cols || (k > b.start[r] && b.place[k] <= b.place[k - 1]))
        in.refuse("places that rise within a row of " + std::to_string(cols) + " columns", std::to_string(b.place[k]));
      const int8_t* const block = b.values.data() + k * 4;
      const int64_t live = std::min<int64_t>(4, cols - b.place[k] * 4);
      if (std::all_of(block, block + 4, [](int8_t v) { return v == 0; }))
        in.refuse("blocks that hold a weight", "zeros in row " + std::to_string(r));
      if (std::any_of(block + live, block + 4, [](int8_t v) { return v != 0; }))
        in.refuse("zeros behind the last column", "a weight in row " + std::to_string(r));
    }
}

std::shared_ptr<const PackedMatrix> Int8BlocksMatrix::read(const Shape& shape, PackedReader& in) {
  const int64_t rows = shape[0], cols = shape.numel() / rows;
  const int64_t most = std::min<int64_t>(rows * ((cols + 3) / 4), INT64_C(0xffffffff));
  const int64_t kept = in.number("kept blocks", 0, most);
  if (cols > kColumns) in.refuse("at most " + std::to_string(kColumns) + " columns", std::to_string(cols));
  Blocks b;
  b.scale = in.array<float>("scales", rows);
  for (const float s : b.scale.span())
    if (!std::isfinite(s) || s <= 0) in.refuse("finite scales above 0", std::to_string(s));
  b.start = in.array<uint32_t>("row pointers", rows + 1);
  if (b.start[0] != 0 || b.start[b.start.size() - 1] != kept || !std::ranges::is_sorted(b.start.span()))
    in.refuse("row pointers that rise from 0 to " + std::to_string(kept), "others");
  b.place = in.array<uint16_t>("places", kept);
  b.values = in.array<int8_t>("values", 4 * kept);
  check(in, b, cols);
  return std::shared_ptr<const PackedMatrix>(new Int8BlocksMatrix(shape, std::move(b)));
}

size_t Int8BlocksMatrix::bytes() const {
  const size_t with_scales = bytes_with_array(head_bytes() + 8, blocks_.scale.size(), 4);
  const size_t with_places =
      bytes_with_array(bytes_with_array(with_scales, blocks_.start.size(), 4), blocks_.place.size(), 2);
  return bytes_with_array(with_places, blocks_.values.size(), 1);
}

void Int8BlocksMatrix::unpack_row(int64_t row, float* out) const {
  const size_t r = static_cast<size_t>(row);
  std::fill(out, out + cols(), 0.0f);
  for (size_t k = blocks_.start[r]; k < blocks_.start[r + 1]; ++k)
    for (int64_t c = blocks_.place[k] * 4, j = 0; j < 4 && c + j < cols(); ++j)
      out[c + j] = static_cast<float>(blocks_.values[k * 4 + static_cast<size_t>(j)]) * blocks_.scale[r];
}

Tensor Int8BlocksMatrix::linear(const Tensor& x, const Tensor& bias) const {
  check_linear("int8_1x4", *this, x, bias);
  const Tensor y = ops::linear_s8_blocks(x, panels_, bias);
  return x.is_lanes() ? to_lanes(y, 0) : y;
}

void Int8BlocksMatrix::write(PackedWriter& out) const {
  out.number(static_cast<int64_t>(blocks_.place.size()));
  out.array(blocks_.scale);
  out.array(blocks_.start);
  out.array(blocks_.place);
  out.array(blocks_.values);
}

}  // namespace pith
